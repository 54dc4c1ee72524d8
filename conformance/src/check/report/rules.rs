//! Every switch of the rules with its value in each revision.

use std::fmt::Write;

use midcomms_model::rules::{Base, Rules, SwitchError};

use crate::render::Paint;

/// What a variant may set.
pub(crate) fn rules(paint: Paint) -> String {
    let mut text = String::new();
    for switch in Rules::SWITCHES {
        let known = match Base::Hardened.rules().set(switch.name, "") {
            Err(SwitchError::UnknownValue { known, .. }) => known.join(" | "),
            _ => String::new(),
        };
        let _ = writeln!(text, "{} = {known}", paint.heading(switch.name));
        let _ = writeln!(text, "    {}", switch.text);
        let values = Base::ALL.map(|base| format!("{} {}", base.name(), base.rules().get(switch.name).unwrap_or("?")));
        let _ = writeln!(text, "    {}", paint.faint(&values.join(", ")));
    }
    text.push_str("\nIn a variant, on and off may be written true and false. Write one and check it:\n\n");
    text.push_str("    base = \"linux-6.12\"\n    [rules]\n    idle-ack = true\n\n    midcomms check --variant FILE\n");
    text
}
