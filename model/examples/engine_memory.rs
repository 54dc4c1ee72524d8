//! Memory and time of the engine itself, on a synthetic system with states of 32 bytes, and on the protocol's model with
//! states of as many: two breaks instead of one in the environment `stale`, more than can be explored, up to a budget.
//!
//! `cargo run --release -p midcomms-model --example engine_memory -- [MILLIONS OF STATES] [THREADS] [liveness|protocol]`
//!
//! Prints bytes per distinct state, nanoseconds per step, and, if asked, what liveness adds.

use midcomms_model::engine::{Class, Exploration, Facts, NO_CLASS, Options, Space, Steps, explore};
use midcomms_model::rules::Base;
use midcomms_model::system::space::Checked;
use midcomms_model::system::{Environment, World};
use std::time::Instant;

/// Eight counters below `top`; one turns at a time, and the last is bounded by the size asked for.
struct Wheels {
    top: u64,
    last: u64,
}

/// Wheels per word of the state.
const PER_WORD: usize = 2;
const WHEELS: usize = 8;

impl Wheels {
    fn of_millions(millions: u64) -> Self {
        let wanted = millions * 1_000_000;
        let top = (2..).take_while(|top: &u64| top.pow(WHEELS as u32 - 1) * 2 <= wanted).last().unwrap_or(2);
        Self { top, last: wanted.div_ceil(top.pow(WHEELS as u32 - 1)) }
    }
}

impl Space for Wheels {
    type State = [u64; 4];
    type Action = usize;

    fn initial(&self) -> Vec<[u64; 4]> {
        vec![[0; 4]]
    }

    fn expand(&self, state: &[u64; 4], out: &mut impl Steps<Self>) -> Facts {
        for wheel in 0..WHEELS {
            let (word, shift) = (wheel / PER_WORD, wheel % PER_WORD * 32);
            let limit = if wheel == WHEELS - 1 { self.last } else { self.top };
            let mut next = *state;
            let Some(word) = next.get_mut(word) else { continue };
            let value = *word >> shift & 0xffff_ffff;
            let turned = if value + 1 == limit { 0 } else { value + 1 };
            *word ^= (value ^ turned) << shift;
            out.step(wheel, if wheel == 0 { 0 } else { NO_CLASS }, 0, next);
        }
        Facts { goals: u64::from(state.first().is_some_and(|word| word & 0xffff_ffff == 0)), ..Facts::default() }
    }

    fn classes(&self) -> &[Class] {
        &[Class { name: "first wheel", may_be_strong: false, mechanism: "this example" }]
    }
}

/// The largest resident size of this process so far, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// Linux 6.12 in the environment `stale`, with one break more.
fn protocol() -> Option<Checked<4, 2, 1>> {
    let environment = Environment { breaks: 2, ..Environment::named("stale")?.clone() };
    let rules = Base::named("linux-6.12")?.rules();
    Some(Checked { world: World::new(environment, [rules; 3]) })
}

fn per(bytes: u64, count: u64) -> f64 {
    bytes as f64 / count.max(1) as f64
}

fn report<S: Space>(run: &Exploration<'_, S>, threads: usize, before: u64) {
    println!("{} states, {} steps, depth {}, {:?}", run.states, run.transitions, run.depth, run.ended);
    println!(
        "{threads} threads: {:.2?}, {:.1} ns a step",
        run.elapsed,
        per(run.elapsed.as_nanos() as u64, run.transitions)
    );
    println!("counted: {:.1} bytes a state", per(run.memory_bytes, run.states));
    match resident_bytes() {
        Some(bytes) => println!("resident: {:.1} bytes a state at most", per(bytes - before, run.states)),
        None => println!("resident: unknown on this system"),
    }
    if run.overflow.is_some() {
        println!("the bounds are too small");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u64| arguments.get(place).map_or(Ok(default), |text| text.parse());
    let (millions, threads) = (number(0, 5)?, number(1, 1)? as usize);
    let word = arguments.get(2).map(String::as_str);
    let before = resident_bytes().unwrap_or(0);
    let options = Options { safety: 1, goals: 1, threads, keep_going: true, ..Options::default() };
    if word == Some("protocol") {
        let space = protocol().ok_or("there is no such environment")?;
        report(&explore(&space, &Options { max_states: millions * 1_000_000, ..options })?, threads, before);
        return Ok(());
    }
    let space = Wheels::of_millions(millions);
    let run = explore(&space, &options)?;
    report(&run, threads, before);
    if word == Some("liveness") {
        let begun = Instant::now();
        let graph = run.graph(threads)?;
        let built = begun.elapsed();
        let holds = graph.liveness(0)?.map(|live| format!("{:?}", std::mem::discriminant(&live.weak)));
        println!("graph: {built:.2?}, {:.1} bytes a state", per(graph.bytes(), run.states));
        println!("liveness in all: {:.2?} ({holds:?})", begun.elapsed());
    }
    Ok(())
}
