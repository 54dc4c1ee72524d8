//! Work in parallel, told in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Does `work` on every item with at most `threads` threads, and hands the results to `tell` in the order of the
/// items, each as soon as all before it are there. An error of `tell` ends it; work that was begun is finished.
pub(crate) fn in_order<I: Sync, R: Send>(
    items: &[I],
    threads: usize,
    work: impl Fn(&I) -> R + Sync,
    mut tell: impl FnMut(R) -> io::Result<()>,
) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..threads.clamp(1, items.len().max(1)) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    if sender.send((index, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut told = 0;
        for (index, result) in results {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&told) {
                tell(result)?;
                told += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_number_of_threads() {
        let items: Vec<u64> = (0..50).collect();
        for threads in [1, 3, 100] {
            let mut told = Vec::new();
            in_order(
                &items,
                threads,
                |item| {
                    std::thread::yield_now();
                    item * 2
                },
                |result| {
                    told.push(result);
                    Ok(())
                },
            )
            .unwrap();
            assert!(told.iter().copied().eq(items.iter().map(|item| item * 2)));
        }
    }

    #[test]
    fn an_error_ends_it() {
        let result = in_order(&[1, 2, 3], 1, |_| (), |()| Err(io::Error::other("full")));
        assert!(result.is_err());
    }
}
