#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]
use midcomms_model::engine::Options;
use midcomms_model::rules::Base;
use midcomms_model::system::{check::*, *};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let base = Base::named(&args[1]).unwrap();
    let names: Vec<&str> =
        if args[2] == "all" { Environment::ALL.iter().map(|e| e.name).collect() } else { args[2].split(',').collect() };
    let mut rules = base.rules();
    let mut show = None;
    for a in &args[3..] {
        if let Some((k, v)) = a.split_once('=') { rules.set(k, v).unwrap() } else { show = Property::named(a) }
    }
    for name in names {
        let world = World::new(Environment::named(name).unwrap().clone(), [rules; 3]);
        let options = Options {
            threads: 2,
            max_states: std::env::var("MAX").map_or(20_000_000, |m| m.parse().unwrap()),
            ..Options::default()
        };
        let answer = check(&world, &Property::ALL, &options).unwrap();
        if std::env::var("OVERFLOW").is_ok() {
            use midcomms_model::engine::*;
            let space = space::Checked::<8, 2, 1> { world: world.clone() };
            let ex = explore(&space, &Options { safety: 1, ..options }).unwrap();
            if let Some(id) = ex.overflow {
                let path = ex.path_to(id).unwrap();
                let mut s = world.initial::<2, 1>();
                for st in &path.steps {
                    world.apply(&mut s, st.action, &mut ());
                    println!("  {}", st.action);
                }
                world.actions(&s, |a| {
                    let mut n = s;
                    let e = world.apply(&mut n, a, &mut ());
                    let (_, fits) = world.pack::<8, 2, 1>(&n);
                    if e.overflow || !fits {
                        println!("OVERFLOW {a} {} {n:?}", e.overflow);
                    }
                });
            }
        }
        println!(
            "{name}: {} states {} transitions depth {} {:?}",
            answer.states, answer.transitions, answer.depth, answer.elapsed
        );
        for (p, f) in &answer.findings {
            match f {
                Finding::Holds => {}
                Finding::Violated(c) => {
                    println!("   {} {}+{}", p.name(), c.prefix.len(), c.cycle.len());
                    if show == Some(*p) {
                        let mut s = world.initial::<2, 1>();
                        for a in c.prefix.iter().chain(&c.cycle) {
                            let mut o: Vec<observer::Occurrence> = vec![];
                            world.apply(&mut s, *a, &mut o);
                            println!("      {a}");
                            for x in o {
                                println!("            {x:?}")
                            }
                            for (x, y) in state::System::<2, 1>::pairs() {
                                let e = s.end(x, y);
                                println!(
                                    "        {} {:?} {} v{:?} send {} head {} next {} users {} life {} bound {:?} notice {:?} link {:?} sent {} old {} {:?}",
                                    x + 1,
                                    s.node(x).phase,
                                    e.record.state,
                                    e.record.version,
                                    e.record.seq_send,
                                    e.record.queue_head,
                                    e.record.seq_next,
                                    e.record.users,
                                    e.life,
                                    e.bound,
                                    e.notice,
                                    e.link.status,
                                    e.link.sent,
                                    e.link.old,
                                    e.link.fifo
                                );
                            }
                        }
                        println!("      -- cycle {}", c.cycle.len());
                    }
                }
                Finding::Incomplete(b) => println!("   {} incomplete {b}", p.name()),
            }
        }
    }
}
