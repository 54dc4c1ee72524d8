//! Scenarios that cannot be, and runs that show nothing.

use midcomms_conformance::record::{RecordError, Scenarios};

use super::scenarios;

const HEAD: &str = "format = \"midcomms-scenarios\"\nversion = 1\n";

/// A file with one scenario of these lines.
fn parse(body: &str) -> Result<Scenarios, RecordError> {
    Scenarios::parse("my.toml", &format!("{HEAD}[[scenario]]\nname = \"x\"\ntext = \"Something happens.\"\n{body}\n"))
}

fn refusal(body: &str) -> String {
    parse(body).unwrap_err().to_string()
}

/// The error of the one scenario's run.
fn outcome(body: &str) -> String {
    let scenarios = parse(body).unwrap();
    scenarios.get("x").unwrap().simulate(1).unwrap_err().to_string()
}

const EXPECT: &str = "expect = { delivers = [[1, 2]] }";

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let told = scenarios().get("simultanous-close").unwrap_err().to_string();
    assert!(told.contains("did you mean `simultaneous-close`?"), "{told}");
}

#[test]
fn a_key_or_a_step_that_does_not_exist_is_named_with_its_line() {
    let told = refusal(&format!("steps = []\nspeed = 3\n{EXPECT}"));
    assert!(told.starts_with("my.toml: ") && told.contains("unknown field `speed`"), "{told}");
    let told = refusal(&format!("steps = [{{ sned = {{ from = 1, to = 2, count = 1 }} }}]\n{EXPECT}"));
    assert!(told.contains("`sned`") && told.contains("`send`") && told.contains("line"), "{told}");
    let told = refusal(&format!("steps = [{{ send = {{ from = 1, to = 2, count = 1, burst = 2 }} }}]\n{EXPECT}"));
    assert!(told.contains("burst") && told.contains("gap_ms") && told.contains("line 6, column 50"), "{told}");
}

#[test]
fn what_makes_no_sense_is_refused_with_the_step() {
    for (body, reason) in [
        ("steps = [{ add = { node = 1, peer = 3 } }]", "step 1 (add): there is no node 3, only 1 to 2"),
        ("steps = [{ rest = {} }, { fence = { node = 1, peer = 1 } }]", "step 2 (fence): names a node twice"),
        ("steps = [{ send = { from = 1, to = 2, count = 1, size = 71 } }]", "expected a size from 72 to 4056"),
        ("steps = [{ await = { node = 1, peer = 2 } }]", "waits for nothing"),
        ("steps = [{ wait = { ms = [3, 2] } }]", "expected [least, most], got [3, 2]"),
        ("steps = []\nnodes = [\"3.1\", \"3.1\"]", "nothing would be recorded"),
        ("steps = []\nnodes = [\"3.2\"]", "expected 2 to 8 nodes, got 1"),
    ] {
        let told = refusal(&format!("{body}\n{EXPECT}"));
        assert!(told.contains(reason), "{told}");
    }
    let told = refusal("steps = []\nexpect = { breaks = 1 }");
    assert!(told.contains("asks for nothing"), "{told}");
    let told = refusal("steps = []\nexpect = { record = [{ node = 1, peer = 2, visits = [\"CLOSD\"] }] }");
    assert!(told.contains("did you mean `CLOSED`?"), "{told}");
}

#[test]
fn another_format_or_version_is_refused() {
    for text in ["format = \"midcomms-scenarios\"\nversion = 2\n", "format = \"scenarios\"\nversion = 1\n"] {
        let told = Scenarios::parse("my.toml", text).unwrap_err().to_string();
        assert!(told.contains("expected format midcomms-scenarios version 1, got "), "{told}");
    }
    assert!(Scenarios::parse("my.toml", HEAD).unwrap_err().to_string().contains("has no scenario"));
}

#[test]
fn a_run_that_does_not_show_what_it_promises_is_vacuous() {
    let told = outcome(&format!("steps = [{{ join = {{ nodes = [1, 2] }} }}]\n{EXPECT}"));
    assert_eq!(told, "scenario x, seed 1: vacuous: nothing of node 1 was delivered to node 2");
    let told = outcome(
        "steps = [{ join = { nodes = [1, 2] } }]\n\
         expect = { record = [{ node = 1, peer = 2, visits = [\"CLOSING\"] }] }",
    );
    assert!(told.contains("vacuous: the record of node 1 about node 2 was never CLOSING"), "{told}");
    let told = outcome(
        "steps = [{ join = { nodes = [1, 2] } }, { send = { from = 1, to = 2, count = 3 } }, { rest = {} }]\n\
         expect = { delivers = [[1, 2]], copies = 1 }",
    );
    assert!(told.contains("copies: expected at least 1, got 0"), "{told}");
}

#[test]
fn a_loss_that_is_not_announced_is_vacuous() {
    let told = outcome(
        "steps = [{ join = { nodes = [1, 2] } }, { send = { from = 1, to = 2, count = 3 } }, { rest = {} }, \
         { silence = { from = 1, to = 2 } }, { send = { from = 1, to = 2, count = 3 } }, \
         { fence = { node = 1, peer = 2 } }]\nexpect = { delivers = [[1, 2]] }",
    );
    assert!(told.contains("of 6 messages of node 1 only 3 reached node 2"), "{told}");
}

#[test]
fn a_step_that_cannot_be_done_is_named() {
    let told = outcome(&format!("steps = [{{ break = {{ between = [1, 2] }} }}]\n{EXPECT}"));
    assert_eq!(told, "scenario x, seed 1: step 1 (break): there is no connection between nodes 1 and 2");
    let told = outcome(&format!("steps = [{{ send = {{ from = 1, to = 2, count = 1 }} }}]\n{EXPECT}"));
    assert!(told.contains("step 1 (send): no session with node 2"), "{told}");
    let told = outcome(&format!("steps = [{{ start = {{ node = 1 }} }}]\n{EXPECT}"));
    assert!(told.contains("step 1 (start): node 1 runs already"), "{told}");
    let told = outcome(&format!(
        "steps = [{{ add = {{ node = 1, peer = 2 }} }}, {{ await = {{ node = 1, peer = 2, up = true }} }}]\n{EXPECT}"
    ));
    assert!(told.contains("step 2 (await): the record is ESTABLISHED, the peer's version unknown"), "{told}");
}

#[test]
fn a_share_of_exact_events_is_below_a_hundred_and_has_a_reason() {
    for exact in ["{ percent = 100, why = \"x\" }", "{ percent = 50, why = \" \" }"] {
        let told = refusal(&format!("exact = {exact}\nsteps = []\n{EXPECT}"));
        assert!(told.contains("`exact` is `percent`, below 100, and `why` it is not all"), "{told}");
    }
    let told = refusal(&format!("exact = {{ percent = 50 }}\nsteps = []\n{EXPECT}"));
    assert!(told.contains("missing field `why`"), "{told}");
}
