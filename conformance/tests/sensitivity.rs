//! How much replay sees, and that it is no less than the manifest admits.

use std::path::Path;

use midcomms_conformance::corpus::Manifest;
use midcomms_conformance::corpus::sensitivity::{Plan, Under, measure};

#[test]
fn falsified_fields_are_refused_at_their_frame_unless_the_manifest_lists_them_as_blind() {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces");
    let plan = Plan::small();
    println!("seed {}", plan.seed);
    let table = measure(&traces, &plan).unwrap();
    println!("{table}");
    for under in [Under::Any, Under::TrueRevision] {
        let outcomes = table.of_protocol_fields(under);
        assert!(outcomes.total() > 2_000, "{under:?}: only {} falsifications", outcomes.total());
        assert!(outcomes.at_its_frame * 100 >= outcomes.total() * 95, "{under:?}: {outcomes:?}");
    }
    let contradictions = table.contradictions(&Manifest::load(&traces).unwrap().blind);
    assert!(contradictions.is_empty(), "{contradictions:#?}");
}
