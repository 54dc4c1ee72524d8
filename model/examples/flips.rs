#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]
// flips BASE[+k=v...] k=v[,k=v] [envs]: for each environment, the properties that hold in the base and fail with the settings
use midcomms_model::engine::Options;
use midcomms_model::rules::{Base, Rules};
use midcomms_model::system::{check::*, *};
fn verdicts(env: &Environment, rules: Rules) -> Vec<(Property, Finding)> {
    let world = World::new(env.clone(), [rules; 3]);
    check(&world, &Property::ALL, &Options { threads: 2, max_states: 3_000_000, ..Options::default() })
        .unwrap()
        .findings
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut parts = args[1].split('+');
    let mut base = Base::named(parts.next().unwrap()).unwrap().rules();
    for p in parts {
        let (k, v) = p.split_once('=').unwrap();
        base.set(k, v).unwrap();
    }
    let mut with = base;
    for p in args[2].split(',') {
        let (k, v) = p.split_once('=').unwrap();
        with.set(k, v).unwrap();
    }
    let envs: Vec<&str> = args.get(3).map_or(vec![], |e| e.split(',').collect());
    for env in Environment::ALL {
        if !envs.is_empty() && !envs.contains(&env.name) {
            continue;
        }
        let a = verdicts(env, base);
        let b = verdicts(env, with);
        let mut out = String::new();
        for ((p, x), (_, y)) in a.iter().zip(&b) {
            match (x, y) {
                (Finding::Holds, Finding::Violated(c)) => out += &format!(" -{}({})", p.name(), c.steps()),
                (Finding::Violated(_), Finding::Holds) => out += &format!(" +{}", p.name()),
                (_, Finding::Incomplete(_)) => out += &format!(" ?{}", p.name()),
                _ => {}
            }
        }
        if !out.is_empty() {
            println!("  {}:{out}", env.name);
        }
    }
}
