//! Historic defects (section 12) seeded into the implementation: `record` with `replay`, and `drive`, find each of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod driven;
mod page;
mod recorded;

use midcomms::midcomms::Defect;

use recorded::By;

/// What first names a defect: in the scenarios, and where paths of the model are driven.
struct Finder {
    record: Option<By>,
    /// The field that differs.
    drive: Option<&'static str>,
}

const fn both(record: By, drive: &'static str) -> Finder {
    Finder { record: Some(record), drive: Some(drive) }
}

const fn record(by: By) -> Finder {
    Finder { record: Some(by), drive: None }
}

const fn drive(field: &'static str) -> Finder {
    Finder { record: None, drive: Some(field) }
}

/// None for a defect that cannot be seeded.
fn finder(defect: Defect) -> Option<Finder> {
    use recorded::{NEVER_ENDS, NOT_KEPT};
    Some(match defect {
        Defect::D1 => both(By::Replay("SND-7"), "message"),
        Defect::D2 => record(By::Replay("CLS-2")),
        Defect::D4 => both(By::Record(NEVER_ENDS), "state"),
        Defect::D6 | Defect::D7 => drive("stop_tx and stop_rx"),
        Defect::D3 | Defect::D5 | Defect::D8 | Defect::D10 => drive("message"),
        Defect::D9 => return None,
        Defect::D11 => record(By::Record(NOT_KEPT)),
        Defect::D12 => drive("seq_next"),
        Defect::D13 => record(By::Record(NEVER_ENDS)),
        Defect::D14 => both(By::Record(NEVER_ENDS), "message"),
        Defect::D15 => both(By::Record(NEVER_ENDS), "message"),
    })
}

#[test]
fn without_a_defect_the_same_runs_are_green() {
    assert_eq!(recorded::told(None).collect::<Vec<_>>(), []);
    for environment in driven::environments() {
        let report = driven::driven(None, environment);
        assert_eq!((report.differing, report.differences.as_slice()), (0, &[][..]), "{environment}");
        assert!(report.transitions.covered > 3000, "{environment}");
    }
}

#[test]
fn each_defect_is_found_by_what_should_find_it() {
    for defect in Defect::all() {
        let Some(finder) = finder(defect) else {
            assert!(defect.reason().is_some(), "{defect}: why can it not be seeded?");
            continue;
        };
        assert!(defect.reason().is_none() && (finder.record.is_some() || finder.drive.is_some()), "{defect}");
        // Where more finds it than the table says, the table has to say so.
        let told = recorded::told(Some(defect)).next();
        assert_eq!(told.as_ref().map(|told| told.by), finder.record, "{defect}: {told:#?}");
        let differs = driven::first_difference(defect);
        assert_eq!(differs.as_ref().map(|differs| differs.field), finder.drive, "{defect}: {differs:#?}");
    }
}
