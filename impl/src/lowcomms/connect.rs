//! From this node to a peer: one address after the other, with waits that grow.

use core::time::Duration;
use std::sync::Arc;

use tokio::time::{sleep, timeout};
use tracing::debug;

use super::config::Limits;
use super::link::Link;

/// Tries each of the peer's addresses once, after the wait that so many attempts in vain call for.
pub(crate) async fn open(link: Arc<Link>, attempts: u32) {
    let shared = &link.shared;
    let give_way = if shared.node > link.peer { shared.limits.give_way } else { Duration::ZERO };
    pause(backoff(&shared.limits, attempts, fastrand::f64()).max(give_way)).await;
    link.connecting();
    for address in link.addresses().iter().copied() {
        let connecting = shared.transport.connect(shared.source(address), address);
        match timeout(shared.limits.connect_timeout, connecting).await {
            Ok(Ok(stream)) => return link.opened(stream),
            Ok(Err(error)) => debug!(peer = %link.peer, %address, %error, "cannot connect"),
            Err(_) => debug!(peer = %link.peer, %address, "no answer in time"),
        }
    }
    link.open_failed();
}

/// The runtime's timer ticks once a millisecond: to sleep for no time takes one.
async fn pause(wait: Duration) {
    if !wait.is_zero() {
        sleep(wait).await;
    }
}

/// Nothing before the first attempt, then from [`Limits::reconnect_min`] up to [`Limits::reconnect_max`], doubled each
/// time; `random` from 0 to 1 makes it a quarter shorter or longer.
fn backoff(limits: &Limits, attempts: u32, random: f64) -> Duration {
    let Some(doublings) = attempts.checked_sub(1) else { return Duration::ZERO };
    let wait = limits.reconnect_min.saturating_mul(1 << doublings.min(20)).min(limits.reconnect_max);
    wait.mul_f64(0.75 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use core::pin::pin;
    use core::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn who_need_not_wait_connects_at_once() {
        let is_over = |wait| {
            let mut context = Context::from_waker(Waker::noop());
            pin!(pause(wait)).poll(&mut context).is_ready()
        };
        assert_eq!([0, 1].map(|millis| is_over(Duration::from_millis(millis))), [true, false]);
    }

    #[test]
    fn waits_grow_up_to_their_limit_and_vary_by_a_quarter() {
        let limits = Limits {
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_millis(1000),
            ..Limits::default()
        };
        let wait = |attempts, random| backoff(&limits, attempts, random).as_millis();
        assert_eq!([0, 1, 2, 3, 4, 5, 99].map(|attempts| wait(attempts, 0.5)), [0, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!((wait(1, 0.0), wait(1, 1.0)), (75, 125));
    }
}
