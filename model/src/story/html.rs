//! Chart and story on one page, for a browser: self-contained, light and dark, wide and narrow.

use super::chart::Chart;
use super::svg::{escape, svg};
use super::{Ending, Story};

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fff;--fg:#1b2330;--soft:#5b6675;--rule:#d5dbe2;--bad:#c02828;--bad-bg:#fde7e6}\
@media (prefers-color-scheme:dark){:root{--bg:#14181e;--fg:#e4e9f0;--soft:#9aa7b6;--rule:#39434f;--bad:#ff8078;--bad-bg:#42201f}}\
body{margin:0;padding:1rem;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}\
h1{font-size:1.15rem;margin:0 0 1rem}main{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1.5rem}\
.chart{overflow-x:auto}.chart svg{display:block;max-width:100%;min-width:640px;height:auto}ol{padding-left:2.4rem;margin:0}\
li{padding:.25rem .5rem;border-bottom:1px solid var(--rule)}li .states{color:var(--soft);font-size:.85em;display:block}\
li.cycle{border-left:3px solid var(--bad)}li.culprit{background:var(--bad-bg)}.end{border-left:4px solid var(--bad);padding-left:.8rem}\
.end p{margin:.4rem 0}.end p:first-child{color:var(--bad);font-weight:600}\
@media (max-width:1100px){main{grid-template-columns:minmax(0,1fr)}}";

/// The page.
pub fn html(story: &Story) -> String {
    let chart = Chart::of(story);
    let title = escape(&story.title);
    let steps: String = (0..story.run.steps.len()).map(|step| item(story, step)).collect();
    let end: String = story.conclusion().iter().map(|sentence| format!("<p>{}</p>\n", escape(sentence))).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<main>\n<section class=\"chart\">\n{}</section>\n\
         <section>\n<ol>\n{steps}</ol>\n<div class=\"end\">\n{end}</div>\n</section>\n</main>\n</body>\n</html>\n",
        svg(&chart)
    )
}

fn item(story: &Story, step: usize) -> String {
    let class = match story.ending() {
        Ending::Violated if step + 1 == story.run.steps.len() => " class=\"culprit\"",
        Ending::Repeats(from) if step >= from => " class=\"cycle\"",
        _ => "",
    };
    let states = states(story, step);
    let sentence = escape(&story.sentence(step));
    format!("<li{class}>{sentence}.<span class=\"states\">{states}</span></li>\n")
}

/// The states after a step: of two nodes both, of three those that changed.
pub fn states(story: &Story, step: usize) -> String {
    let (Some(before), Some(after)) = (story.run.frame(step), story.run.frame(step + 1)) else { return String::new() };
    let is_long = story.run.nodes > 2;
    let each = story.run.pairs().filter_map(|(x, y)| {
        let [was, is] = [before, after].map(|frame| frame.end(x, y).record.state);
        let about = if is_long { format!(" about {}", y + 1) } else { String::new() };
        (!is_long || was != is).then(|| format!("node {}{about} {is}", x + 1))
    });
    each.collect::<Vec<_>>().join(", ")
}
