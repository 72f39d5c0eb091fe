//! Has what is missing installed, and says what could not be.

use hosted::tools::{Tests, Tool};

use crate::packages::{self, Fault, Machine};

/// A tool that could not be had.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) tool: &'static Tool,
    pub(super) fault: Fault,
}

/// Installs these tools; those that it could not. All of them in one step, or none; with `rest`, when apt does not
/// know a package, the other tools all the same.
pub(super) fn provide(machine: &mut impl Machine, mut tools: Vec<&'static Tool>, rest: bool) -> Vec<Missing> {
    let mut missing = Vec::new();
    let ubuntu = is_ubuntu();
    let of = |tool: &Tool| match (ubuntu, tool.ubuntu) {
        (true, [_, ..]) => tool.ubuntu,
        _ => tool.packages,
    };
    // Every round takes a tool out, or is the last.
    while !tools.is_empty() {
        for tool in &tools {
            eprintln!("xtask test: to be installed: {} ({}), {}", tool.name, of(tool).join(" "), users(tool));
        }
        let packages: Vec<_> = tools.iter().flat_map(|tool| of(tool)).copied().collect();
        let fault = match packages::install(machine, &packages) {
            Ok(()) => {
                tools.retain(|tool| !tool.is_there());
                Fault::Other("its packages are installed, and it is not on the PATH".into())
            }
            Err(Fault::Unknown(package)) if rest => {
                let unknown = |tool: &&'static Tool| of(tool).contains(&package.as_str());
                let refused: Vec<_> = tools.iter().copied().filter(unknown).collect();
                if !refused.is_empty() {
                    tools.retain(|tool| !unknown(tool));
                    let fault = Fault::Unknown(package);
                    missing.extend(refused.into_iter().map(|tool| Missing { tool, fault: fault.clone() }));
                    continue;
                }
                Fault::Unknown(package)
            }
            Err(fault) => fault,
        };
        missing.extend(tools.drain(..).map(|tool| Missing { tool, fault: fault.clone() }));
    }
    missing
}

/// Which program is missing, in which packages it is, who needs it, why it is not installed, and how to go on.
pub(super) fn explain(tool: &Tool, fault: &Fault) -> String {
    let way_on = if tool.tests.is_empty() { "" } else { ", or leave these tests out: --without-peers" };
    format!(
        "{} is missing, {}; {fault}. Install it (Debian: {}){way_on}.",
        tool.name,
        users(tool),
        tool.packages.join(" ")
    )
}

/// Who needs it.
pub(super) fn users(tool: &Tool) -> String {
    let of = |target| tool.tests.iter().filter(move |tests| tests.target == target);
    // In the order of the table. A line has no room for long lists.
    let mut tests = Vec::new();
    for Tests { target, filter, .. } in tool.tests {
        let test = match of(*target).count() {
            0..=3 => format!("{target} {filter}").trim_end().to_owned(),
            _ => format!("many of {target}"),
        };
        if !tests.contains(&test) {
            tests.push(test);
        }
    }
    match (tests.is_empty(), tool.sections.is_empty()) {
        (false, true) => format!("for the tests {}", tests.join(", ")),
        (false, false) => {
            format!("for the tests {} and .ci/run's {}", tests.join(", "), tool.sections.join(", "))
        }
        (true, _) => format!("for .ci/run's {}", tool.sections.join(", ")),
    }
}

fn is_ubuntu() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line.trim() == "ID=ubuntu")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hosted::tools::Check;

    static THERE: Tool = tool("there", Check::OnPath(&["sh"]), &["known"]);
    static ABSENT: Tool = tool("absent", Check::OnPath(&["a program that nobody has"]), &["unknown"]);

    const fn tool(name: &'static str, check: Check, packages: &'static [&'static str]) -> Tool {
        Tool { name, check, packages, ubuntu: &[], tests: &[], sections: &["bench"], purpose: "shows it" }
    }

    /// Apt that knows these packages only.
    struct Apt(&'static [&'static str], Vec<String>);

    impl Machine for Apt {
        fn has(&self, _: &str) -> bool {
            true
        }

        fn is_root(&self) -> bool {
            true
        }

        fn run(&mut self, command: &[&str]) -> (bool, String) {
            self.1.push(command.join(" "));
            let packages = command.iter().skip_while(|&&word| word != "--no-remove").skip(1);
            match packages.into_iter().find(|&package| !self.0.contains(package)) {
                Some(package) => (false, format!("E: Unable to locate package {package}")),
                None => (true, String::new()),
            }
        }
    }

    #[test]
    fn an_unknown_package_keeps_the_rest_away_unless_that_is_wanted() {
        let mut apt = Apt(&["known"], vec![]);
        let missing = provide(&mut apt, vec![&THERE, &ABSENT], false);
        assert_eq!(missing.iter().map(|missing| missing.tool.name).collect::<Vec<_>>(), ["there", "absent"]);

        let missing = provide(&mut apt, vec![&THERE, &ABSENT], true);
        let [Missing { tool, fault: Fault::Unknown(package) }] = &missing[..] else { panic!("{missing:?}") };
        assert_eq!((tool.name, package.as_str()), ("absent", "unknown"));
        assert!(apt.1.last().unwrap().ends_with("--no-remove known"), "{:?}", apt.1);
    }

    #[test]
    fn what_is_installed_and_not_found_is_missing() {
        let missing = provide(&mut Apt(&["known", "unknown"], vec![]), vec![&THERE, &ABSENT], false);
        let [Missing { tool, fault: Fault::Other(_) }] = &missing[..] else { panic!("{missing:?}") };
        assert_eq!(tool.name, "absent");
    }

    #[test]
    fn nothing_missing_asks_nobody() {
        let mut apt = Apt(&[], vec![]);
        assert!(provide(&mut apt, vec![], false).is_empty());
        assert!(apt.1.is_empty());
    }

    #[test]
    fn the_line_names_program_package_tests_reason_and_the_way_on() {
        let line = explain(Tool::named("stunnel").unwrap(), &Fault::NotRoot);
        for part in ["stunnel is missing", "stunnel4", "tls stunnel::", "needs root", "--without-peers"] {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(line.lines().count(), 1);
    }
}
