//! Every switch of the rules with its value in each revision, every environment, every property.

use std::fmt::Write;

use midcomms_model::rules::{Base, Rules, SwitchError};
use midcomms_model::system::{Environment, Property};

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

/// The environments and the properties, for people.
pub(crate) fn environments(paint: Paint) -> String {
    let mut text = String::new();
    for environment in Environment::ALL.iter().chain(Environment::DEEP) {
        let _ = writeln!(text, "{}\n    {}", paint.heading(environment.name), environment.text);
    }
    text.push('\n');
    for property in Property::ALL {
        let _ = writeln!(text, "{}\n    {}", paint.heading(property.name()), property.text());
    }
    text
}
