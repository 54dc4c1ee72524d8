//! scratch
use midcomms::Node;
use midcomms::midcomms::{Event, Kind};
use midcomms::wire::{LockspaceId, NodeId};
use std::time::Instant;

fn main() {
    let args: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let (len, count, mode) = (args[0] - 16, args[1], args[2]);
    let rt =
        tokio::runtime::Builder::new_multi_thread().thread_name("tx").worker_threads(1).enable_all().build().unwrap();
    let rt2 =
        tokio::runtime::Builder::new_multi_thread().thread_name("rx").worker_threads(1).enable_all().build().unwrap();
    rt.block_on(async {
        let (one, two, ls) = (NodeId(1), NodeId(2), LockspaceId(7));
        let (n1, mut e1) = Node::builder(one).listen("127.0.0.1:0".parse().unwrap()).start().unwrap();
        let (n2, mut e2) = rt2
            .spawn(async move { Node::builder(two).listen("127.0.0.2:0".parse().unwrap()).start().unwrap() })
            .await
            .unwrap();
        n1.add_peer(two, n2.listens_on().iter().copied()).unwrap();
        let l1 = n1.listens_on().to_vec();
        let n2 = rt2
            .spawn(async move {
                n2.add_peer(one, l1).unwrap();
                n2
            })
            .await
            .unwrap();
        n1.add_member(two, ls).unwrap();
        n2.add_member(one, ls).unwrap();
        let p = n1.peer(two).unwrap();
        p.up().await.unwrap();
        let mut body = vec![0u8; len];
        body[0] = 1;
        let begin = Instant::now();
        if mode == 2 {
            let echo = rt2.spawn(async move {
                let p2 = n2.peer(one).unwrap();
                while let Some(e) = e2.next().await {
                    if let Event::Delivered(d) = e.event {
                        if p2.send(Kind::Msg, ls, &d.body).await.is_err() {
                            return;
                        }
                    }
                }
            });
            let mut times = Vec::new();
            let (p, mut e1) = (p.clone(), e1);
            let times = tokio::spawn(async move {
                for _ in 0..count {
                    let t = Instant::now();
                    p.send(Kind::Msg, ls, &body).await.unwrap();
                    while !matches!(e1.next().await.unwrap().event, Event::Delivered(_)) {}
                    times.push(t.elapsed());
                }
                times.sort();
                times
            })
            .await
            .unwrap();
            println!("median {:?} p99 {:?}", times[count / 2], times[count * 99 / 100]);
            echo.abort();
            return;
        }
        let rx = rt2.spawn(async move {
            let mut n = 0;
            if mode == 1 {
                while n < count {
                    let b = e2.next_batch().await.unwrap();
                    while let Some(e) = b.events.next_ref() {
                        if matches!(e, midcomms::midcomms::EventRef::Delivered { .. }) {
                            n += 1;
                        }
                    }
                }
            } else {
                while n < count {
                    if let Event::Delivered(_) = e2.next().await.unwrap().event {
                        n += 1
                    }
                }
            }
        });
        let tx = tokio::spawn(async move {
            if mode == 1 {
                let bodies = vec![body; 256];
                let mut n = 0;
                while n < count {
                    n += p.send_all(Kind::Msg, ls, &bodies[..256.min(count - n)]).await.unwrap();
                }
            } else {
                for _ in 0..count {
                    p.send(Kind::Msg, ls, &body).await.unwrap();
                }
            }
            p
        });
        let p = tx.await.unwrap();
        rx.await.unwrap();
        let t = begin.elapsed();
        println!(
            "{} msg/s, {:.2} GB/s, {:?}",
            (count as f64 / t.as_secs_f64()) as u64,
            (count * (len + 40)) as f64 / t.as_secs_f64() / 1e9,
            p.stats().counters
        );
    });
    rt.shutdown_background();
    rt2.shutdown_background();
}
