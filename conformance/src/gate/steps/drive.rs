//! Not wired yet.
use crate::gate::config::Config;
use crate::gate::report::UnitReport;
use crate::gate::step::{Done, Step};
pub(super) struct DriveStep;
impl DriveStep {
    pub(super) fn plan(_: &Config, _: u64) -> Result<Self, String> {
        Err("not wired".to_owned())
    }
}
impl Step for DriveStep {
    fn units(&self) -> Vec<String> {
        Vec::new()
    }
    fn run(&self, _: usize, _: usize, _: &dyn Fn(String)) -> Done {
        Done::default()
    }
    fn summary(&self, _: &[UnitReport]) -> String {
        String::new()
    }
}
