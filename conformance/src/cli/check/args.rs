//! Arguments of `midcomms check`, as typed and as validated.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use midcomms_model::catalogue::{DEFECTS, Defect, MEASURES, Measure};
use midcomms_model::system::{Environment, Property};

use super::telling::Telling;
use super::units;
use crate::check::names::unknown;
use crate::check::plan::{defect_named, measure_named};
use crate::check::{Engine, Limits, Selection, Subject};
use crate::cli::args::usage_of;
use crate::cli::page::is_stdout;
use crate::cli::terminal::ColorChoice;

/// `midcomms check`, as typed.
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(super) filters: Filters,
    #[command(flatten)]
    pub(super) what: What,
    #[command(flatten)]
    pub(super) expectations: Expectations,
    #[command(flatten)]
    budgets: Budgets,
    #[command(flatten)]
    pub(super) telling: Telling,
    /// How to report
    #[arg(long, value_enum, default_value_t = CheckFormat::Text, help_heading = "Output")]
    pub(super) format: CheckFormat,
    /// Write a report for a browser to FILE, as well: the matrix, every counterexample drawn and told; - is the standard output
    #[arg(long, value_name = "FILE", conflicts_with = "accept", help_heading = "Output")]
    pub(super) html: Option<PathBuf>,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, help_heading = "Output")]
    pub(super) color: ColorChoice,
    /// No progress bar
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

/// Which rows of the matrix.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Filters (several values: repeat, or separate by commas)")]
pub(super) struct Filters {
    /// Whose rules: linux-5.14, linux-6.1, linux-6.12, hardened, or two joined by + for node 1 and the others
    #[arg(long = "revision", value_name = "NAME", value_delimiter = ',', value_parser = subject)]
    pub(super) revisions: Vec<Subject>,
    /// Environment; the deep ones are not in the default matrix
    #[arg(long = "environment", value_name = "NAME", value_delimiter = ',', value_parser = environment)]
    environments: Vec<&'static Environment>,
    /// Property
    #[arg(long = "property", value_name = "NAME", value_delimiter = ',', value_parser = property)]
    properties: Vec<Property>,
    /// Seed a defect (D1, …), where it was found or into --revision
    #[arg(id = "seeded_defects", long = "defect", value_name = "ID", value_delimiter = ',', value_parser = defect)]
    defects: Vec<&'static Defect>,
    /// Take a measure (HRD-1, …) from hardened, or from --revision
    #[arg(id = "left_out_measures", long = "measure", value_name = "ID", value_delimiter = ',', value_parser = measure)]
    measures: Vec<&'static Measure>,
}

/// What to check instead of the matrix.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Instead of the matrix")]
pub(super) struct What {
    /// Every historic defect: it must be found where the property holds without it
    #[arg(long, group = "instead")]
    pub(super) defects: bool,
    /// Every suspected hazard: real, with its counterexample and its remedy, or not reachable
    #[arg(long, group = "instead")]
    pub(super) hazards: bool,
    /// Every measure of hardened: what fails without it
    #[arg(long, group = "instead")]
    pub(super) measures: bool,
    /// Count the states of every world of up to 3 million also with both of stateright's engines, which must agree
    #[arg(long, group = "instead")]
    pub(super) verify: bool,
    /// Explore nothing: print the matrix that is expected, as Markdown
    #[arg(long, group = "instead")]
    pub(super) expected: bool,
    /// Print every switch of the rules with its value in each revision, as a variant needs them
    #[arg(long, group = "instead")]
    pub(super) rules: bool,
    /// Print every environment and every property, each with the sentence that says what it is about
    #[arg(id = "listed_environments", long = "environments", group = "instead")]
    pub(super) environments: bool,
    /// Rules of your own: a TOML file with a base and switches (see model/variants)
    #[arg(long, value_name = "FILE", group = "instead", conflicts_with_all = ["revisions", "seeded_defects", "left_out_measures", "accept"])]
    pub(super) variant: Option<PathBuf>,
    /// Compare the variant with these rules [default: its base]
    #[arg(long, value_name = "REVISION", requires = "variant", value_parser = subject)]
    pub(super) against: Option<Subject>,
}

/// What must come out.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Expectations")]
pub(super) struct Expectations {
    /// What must come out [default: the model/models.toml that this program was built with]
    #[arg(long, value_name = "FILE")]
    pub(super) models: Option<PathBuf>,
    /// Write what comes out to the file of --models, or to model/models.toml here or in a directory above
    #[arg(long)]
    pub(super) accept: bool,
    /// Why a verdict changed, for --accept
    #[arg(long, value_name = "TEXT", requires = "accept")]
    pub(super) why: Option<String>,
}

/// How, and at what cost; each budget is that of one world.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Engine and budgets (each for one world)")]
struct Budgets {
    /// Who explores
    #[arg(long, value_enum, default_value_t = EngineArg::Own)]
    engine: EngineArg,
    /// Threads [default: number of cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Distinct states, such as 20M
    #[arg(long, value_name = "N", value_parser = units::count)]
    max_states: Option<u64>,
    /// Memory for states, such as 12GiB
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    max_memory: Option<u64>,
    /// Time of the search, such as 90s or 2h
    #[arg(long, value_name = "TIME", value_parser = units::time)]
    time: Option<Duration>,
    /// Save the search of one world to this file from time to time, and when a budget runs out
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    checkpoint: Option<PathBuf>,
    /// Go on with a search that was saved to this file
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

/// How `check` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people.
    Text,
    /// One JSON object: format midcomms-check of traces/SCHEMA.md
    Json,
    /// JUnit's XML: a suite for each world, a case for each property
    Junit,
    /// Tables for a document
    Markdown,
}

/// `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineArg {
    /// Exact, with shortest counterexamples and liveness
    Own,
    /// Stateright, breadth-first: two properties only, states known by their hash
    StaterightBfs,
    /// Stateright, depth-first: likewise
    StaterightDfs,
}

/// `midcomms check`, as validated.
#[derive(Debug)]
pub(super) struct CheckPlan {
    pub(super) args: CheckArgs,
    pub(super) selection: Selection,
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    pub(super) disc: Option<DiscArg>,
}

/// A file to save a search to; and whether it goes on from there.
#[derive(Clone, Debug)]
pub(super) struct DiscArg {
    pub(super) file: PathBuf,
    pub(super) is_resumed: bool,
}

/// Without what is there before already.
fn distinct<T>(values: Vec<T>, is_same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for value in values {
        if !kept.iter().any(|before| is_same(before, &value)) {
            kept.push(value);
        }
    }
    kept
}

impl CheckArgs {
    /// Options that would change nothing.
    fn refuse_what_would_be_ignored(&self, selection: &Selection) -> Result<(), clap::Error> {
        let What { expected, rules, environments, verify, .. } = self.what;
        let prints = [("--expected", expected), ("--rules", rules), ("--environments", environments)];
        let mode = prints.into_iter().chain([("--verify", verify)]).find(|(_, is_given)| *is_given);
        let telling = &self.telling;
        let given = [
            ("a filter", !verify && !selection.is_everything()),
            ("--accept", self.expectations.accept),
            ("--models", !expected && self.expectations.models.is_some()),
            ("--format", self.format != CheckFormat::Text),
            ("--html", self.html.is_some()),
            ("--story", telling.story),
            ("--chart", telling.chart.is_some()),
            ("--export", telling.export.is_some()),
            ("--checkpoint", self.budgets.checkpoint.is_some()),
            ("--resume", self.budgets.resume.is_some()),
        ];
        if let (Some((mode, _)), Some((option, _))) = (mode, given.iter().find(|(_, is_given)| *is_given)) {
            return Err(conflict(&format!("{mode} does nothing with {option}")));
        }
        for measure in &selection.measures {
            let lacks = |subject: &&Subject| {
                subject.rules.iter().all(|rules| rules.get(measure.switch) == Some(measure.without))
            };
            if let Some(subject) = selection.subjects.iter().find(lacks) {
                return Err(conflict(&format!(
                    "{} does not have {}: nothing can be taken from it",
                    subject.name, measure.id
                )));
            }
        }
        Ok(())
    }

    pub(super) fn validate(self) -> Result<CheckPlan, clap::Error> {
        self.telling.validate()?;
        if self.html.as_deref().is_some_and(is_stdout) && self.format != CheckFormat::Text {
            return Err(conflict("--html - and --format both want the standard output: name a file"));
        }
        let Filters { revisions, environments, properties, defects, measures } = self.filters.clone();
        let selection = Selection {
            subjects: distinct(revisions, |one, other| one == other),
            environments: distinct(environments, |one, other| one == other),
            properties: distinct(properties, |one, other| one == other),
            defects: distinct(defects, |one, other| one.id == other.id),
            measures: distinct(measures, |one, other| one.id == other.id),
        };
        self.refuse_what_would_be_ignored(&selection)?;
        let What { defects, hazards, measures, .. } = self.what;
        if (defects || hazards || measures) && !selection.is_everything() {
            return Err(conflict(
                "--defects, --hazards and --measures take no filter: they say themselves where to look",
            ));
        }
        if !(selection.defects.is_empty() || selection.measures.is_empty()) {
            return Err(conflict("--defect and --measure each make a matrix of their own: ask one after the other"));
        }
        let engine = match self.budgets.engine {
            EngineArg::Own => Engine::Own,
            EngineArg::StaterightBfs => Engine::StaterightBfs,
            EngineArg::StaterightDfs => Engine::StaterightDfs,
        };
        let budgets = &self.budgets;
        let of_ours = [
            ("--max-memory", budgets.max_memory.is_some()),
            ("--time", budgets.time.is_some()),
            ("--checkpoint", budgets.checkpoint.is_some()),
            ("--resume", budgets.resume.is_some()),
            ("--accept", self.expectations.accept),
            ("--defects", defects),
            ("--hazards", hazards),
            ("--measures", measures),
            ("--verify", self.what.verify),
            ("--variant", self.what.variant.is_some()),
        ];
        if let Some((flag, _)) = of_ours.iter().find(|(_, is_given)| *is_given && engine != Engine::Own) {
            return Err(conflict(&format!("{flag} needs our own engine, not {}", engine.name())));
        }
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let limits = Limits {
            threads: budgets.threads.map_or_else(cores, NonZeroUsize::get),
            max_states: budgets.max_states,
            max_memory_bytes: budgets.max_memory,
            max_time: budgets.time,
        };
        let (saved, resumed) = (budgets.checkpoint.clone(), budgets.resume.clone());
        let is_resumed = resumed.is_some();
        let disc = saved.or(resumed).map(|file| DiscArg { file, is_resumed });
        Ok(CheckPlan { args: self, selection, engine, limits, disc })
    }
}

/// A command line that contradicts itself.
pub(super) fn conflict(message: &str) -> clap::Error {
    usage_of("check", ErrorKind::ArgumentConflict, message)
}

pub(in crate::cli) fn subject(typed: &str) -> Result<Subject, String> {
    Subject::named(typed).ok_or_else(|| {
        let standard = Subject::standard();
        unknown("revision", typed, standard.iter().map(|subject| subject.name.as_str()))
    })
}

pub(in crate::cli) fn environment(typed: &str) -> Result<&'static Environment, String> {
    let known = || Environment::ALL.iter().chain(Environment::DEEP).map(|environment| environment.name);
    Environment::named(typed).ok_or_else(|| unknown("environment", typed, known()))
}

fn property(typed: &str) -> Result<Property, String> {
    let mut all = Property::ALL.into_iter();
    let found = all.find(|property| property.name().eq_ignore_ascii_case(typed));
    found.ok_or_else(|| unknown("property", typed, Property::ALL.map(Property::name)))
}

pub(in crate::cli) fn defect(typed: &str) -> Result<&'static Defect, String> {
    defect_named(typed).ok_or_else(|| unknown("defect", typed, DEFECTS.iter().map(|defect| defect.id)))
}

fn measure(typed: &str) -> Result<&'static Measure, String> {
    measure_named(typed).ok_or_else(|| unknown("measure", typed, MEASURES.iter().map(|measure| measure.id)))
}
