//! A path to a difference without the actions that it does not need.

use midcomms_model::system::action::Action;

use super::compare::Difference;
use super::step::{Both, Driver, Halt};

/// The shortest path found on which the two still differ, and how.
pub(super) fn shrink<const N: usize, const M: usize>(
    driver: &Driver<'_>,
    mut path: Vec<Action>,
) -> Option<(Vec<Action>, Box<Difference>)> {
    let mut found = differ::<N, M>(driver, &mut path)?;
    let mut length = path.len().div_ceil(2);
    while length > 0 {
        let mut at = 0;
        let mut has_shrunk = false;
        while at < path.len() {
            let end = (at + length).min(path.len());
            let mut shorter: Vec<Action> = path.iter().take(at).chain(path.iter().skip(end)).copied().collect();
            match differ::<N, M>(driver, &mut shorter) {
                Some(difference) => (path, found, has_shrunk) = (shorter, difference, true),
                None => at += length,
            }
        }
        length = if has_shrunk { length.min(path.len()) } else { length / 2 };
    }
    Some((path, found))
}

/// Drives `path`, leaving out what is not possible, up to a difference, where it is cut.
fn differ<const N: usize, const M: usize>(driver: &Driver<'_>, path: &mut Vec<Action>) -> Option<Box<Difference>> {
    let mut both: Both<N, M> = driver.begin();
    let mut done = Vec::new();
    for action in path.iter().copied() {
        let mut is_possible = false;
        driver.world.actions(&both.system, |possible| is_possible |= possible == action);
        if !is_possible {
            continue;
        }
        done.push(action);
        match driver.step(&mut both, action) {
            Ok(_) => {}
            Err(Halt::Differs(difference)) => {
                *path = done;
                return Some(difference);
            }
            Err(Halt::NotDrivable(_) | Halt::Overflow) => return None,
        }
    }
    None
}
