//! `midcomms completions` and `midcomms man`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::exit::{Exit, end_on_closed_pipe};

const NAME: &str = "midcomms";

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Where to.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write the pages of all subcommands into this directory; without it the main page goes to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the completions.
pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut text);
    print(&text)
}

/// Prints the main page, or writes all.
pub(crate) fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    let Some(directory) = &args.out else {
        return print(&page(Cli::command())?);
    };
    fs::create_dir_all(directory).with_context(|| format!("{}: cannot be made", directory.display()))?;
    let mut command = Cli::command();
    command.build();
    write_pages(&command, NAME, directory)?;
    Ok(Exit::Good)
}

fn write_pages(command: &Command, name: &str, directory: &Path) -> anyhow::Result<()> {
    // A page is called as its file is: `midcomms-replay`.
    let named = command.clone().display_name(name.to_owned()).disable_help_subcommand(true);
    let path = directory.join(format!("{name}.1"));
    fs::write(&path, page(named)?).with_context(|| format!("{}: cannot be written", path.display()))?;
    let below = command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set());
    below.into_iter().try_for_each(|below| write_pages(below, &format!("{name}-{}", below.get_name()), directory))
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .section("1")
        .source(format!("{NAME} {}", super::args::version().replace('\n', ", ")))
        .render(&mut text)?;
    Ok(text)
}

fn print(text: &[u8]) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    end_on_closed_pipe(out.write_all(text).and_then(|()| out.flush()))?;
    Ok(Exit::Good)
}
