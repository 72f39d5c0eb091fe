//! What `cargo xtask test` is asked for.

use hosted::tools::Tool;

use crate::Failure;

/// The package of the table whose tests run when none is named: the others are none of the workspace's default members.
const DEFAULT_PACKAGE: &str = "websocket";

/// The variable by which libtest is told how many tests run at a time.
pub(super) const THREADS: &str = "RUST_TEST_THREADS";

#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) without_peers: bool,
    pub(super) slowest: bool,
    pub(super) list: bool,
    pub(super) install: bool,
    /// For cargo, unchanged.
    pub(super) cargo: Vec<String>,
    /// For the test programs, unchanged.
    pub(super) tests: Vec<String>,
}

impl Options {
    pub(super) fn parse(arguments: Vec<String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut parts = arguments.splitn(3, |argument| argument == "--");
        for argument in parts.next().unwrap_or_default() {
            match argument.as_str() {
                "--without-peers" => options.without_peers = true,
                "--slowest" => options.slowest = true,
                "--list" => options.list = true,
                "--install" => options.install = true,
                other => {
                    let fault = format!("unknown argument '{other}'; those of cargo test follow after --");
                    return Err(Failure::Usage(fault));
                }
            }
        }
        options.cargo = parts.next().unwrap_or_default().to_vec();
        options.tests = parts.next().unwrap_or_default().to_vec();
        let runs = options.without_peers || options.slowest || !options.cargo.is_empty();
        if usize::from(options.list) + usize::from(options.install) + usize::from(runs) > 1 {
            return Err(Failure::Usage("--list and --install stand alone".into()));
        }
        Ok(options)
    }

    /// Whether tests that are selected need a tool. Selections that are not understood select all.
    pub(super) fn needs(&self, tool: &Tool) -> bool {
        tool.tests.iter().any(|tests| self.takes_package(tests.package) && self.takes_target(tests.target))
    }

    fn takes_package(&self, package: &str) -> bool {
        if self.has(&["--workspace", "--all"]) {
            return !self.values(&["--exclude"]).iter().any(|excluded| name_of(excluded) == package);
        }
        let named = self.values(&["--package", "-p"]);
        if named.is_empty() {
            return package == DEFAULT_PACKAGE || !self.values(&["--manifest-path"]).is_empty();
        }
        named.iter().any(|named| is_pattern(named) || name_of(named) == package)
    }

    fn takes_target(&self, target: &str) -> bool {
        let targets = self.values(&["--test"]);
        if self.has(&["--tests", "--all-targets"]) || targets.iter().any(|name| is_pattern(name)) {
            return true;
        }
        let others = self.has(&[
            "--lib",
            "--bins",
            "--bin",
            "--doc",
            "--examples",
            "--example",
            "--benches",
            "--bench",
        ]);
        if targets.is_empty() {
            return !others;
        }
        targets.contains(&target)
    }

    /// How many tests run at a time: what the caller says, else twice the processors, since most tests wait.
    pub(super) fn threads(&self) -> usize {
        let given = self.tests.iter().enumerate().find_map(|(at, argument)| {
            let value = argument.strip_prefix("--test-threads")?;
            value.strip_prefix('=').or(self.tests.get(at + 1).map(String::as_str))?.parse().ok()
        });
        let set = || std::env::var(THREADS).ok()?.parse().ok();
        let usual = || 2 * std::thread::available_parallelism().map_or(1, usize::from);
        given.or_else(set).unwrap_or_else(usual).max(1)
    }

    /// Whether cargo is given an option that has one of these names.
    fn has(&self, names: &[&str]) -> bool {
        self.cargo.iter().any(|argument| names.contains(&argument.as_str()))
    }

    /// The values of an option of cargo that has these names.
    fn values(&self, names: &[&str]) -> Vec<&str> {
        let mut values = Vec::new();
        let mut arguments = self.cargo.iter();
        while let Some(argument) = arguments.next() {
            if names.contains(&argument.as_str()) {
                values.extend(arguments.next().map(String::as_str));
            } else if let Some((name, value)) = argument.split_once('=')
                && names.contains(&name)
            {
                values.push(value);
            } else if let Some((name, value)) = argument.split_at_checked("-p".len())
                && names.contains(&name)
            {
                values.push(value);
            }
        }
        values
    }
}

/// The name of a package that cargo is told of by its name, its version or its place.
fn name_of(package: &str) -> &str {
    package.rsplit(['/', '#']).next().unwrap_or(package).split(['@', ':']).next().unwrap_or(package)
}

/// Whether this stands for several names.
fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

#[cfg(test)]
mod tests {
    use super::*;
    use hosted::tools::TOOLS;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    fn needs(line: &str, tool: &str) -> bool {
        parse(line).unwrap().needs(Tool::named(tool).unwrap())
    }

    #[test]
    fn a_package_is_known_by_its_name() {
        for ours in ["websocket", "websocket@0.1.0", "websocket:0.1.0", "path+file:///x#websocket@0.1.0"] {
            assert_eq!(name_of(ours), "websocket", "{ours}");
        }
        for other in ["xous-api-websocket", "xous-api-websocket@0.1.0"] {
            assert_eq!(name_of(other), "xous-api-websocket", "{other}");
        }
    }

    /// stunnel and node are for the service's tests only, chromedriver is for the device's as well.
    #[test]
    fn the_packages_that_are_selected_say_whose_tests_need_something() {
        let both = [
            "-- --workspace",
            "-- --all",
            "-- -p websocket -p device-tests",
            "-- -p *",
            "-- --manifest-path x/Cargo.toml",
        ];
        for line in both {
            assert!(needs(line, "stunnel") && needs(line, "chromedriver"), "{line}");
        }
        let device = [
            "-- --package device-tests",
            "-- --package=device-tests",
            "-- -pdevice-tests",
            "-- -p device-tests@0.1.0",
            "-- --package device-tests --package xtask --test device",
            "-- --workspace --exclude websocket",
            "-- --workspace --test device",
        ];
        for line in device {
            assert!(needs(line, "chromedriver") && needs(line, "python3-venv"), "{line}");
            assert!(!needs(line, "stunnel") && !needs(line, "node"), "{line}");
        }
        let none = ["-- -p xtask", "-- --package device", "-- -p device-tests --lib", "-- --test device"];
        for line in none {
            assert!(!needs(line, "stunnel") && !needs(line, "chromedriver"), "{line}");
        }
    }

    #[test]
    fn the_default_package_is_the_one_of_the_table_that_is_a_default_member() {
        let manifest: toml_edit::DocumentMut = include_str!("../../../Cargo.toml").parse().unwrap();
        let members = manifest["workspace"]["default-members"].as_array().unwrap();
        let members: Vec<_> = members.iter().filter_map(|member| member.as_str()).collect();
        for tests in TOOLS.iter().flat_map(|tool| tool.tests) {
            let directory = if tests.package == "websocket" { "." } else { tests.package };
            assert_eq!(members.contains(&directory), tests.package == DEFAULT_PACKAGE, "{tests:?}");
        }
    }

    #[test]
    fn own_options_those_of_cargo_and_those_of_the_tests_are_told_apart() {
        let options = parse("--without-peers -- --test client name -- --nocapture -- x").unwrap();
        assert!(options.without_peers && !options.slowest);
        assert_eq!(options.cargo, ["--test", "client", "name"]);
        assert_eq!(options.tests, ["--nocapture", "--", "x"]);
    }

    #[test]
    fn only_what_is_selected_needs_its_tools() {
        assert!(needs("", "stunnel") && needs("", "node"));
        assert!(needs("-- --no-fail-fast", "stunnel"));
        assert!(needs("-- --test client", "node"));
        assert!(!needs("-- --test client", "stunnel"));
        assert!(needs("-- --test client --test=tls", "stunnel"));
        assert!(needs("-- --test cl*", "stunnel"));
        assert!(needs("-- --lib --tests", "stunnel"));
        assert!(!needs("-- --lib", "stunnel"));
        assert!(needs("-- --lib --test tls", "stunnel"));
        assert!(!needs("-- -p hosted", "stunnel"));
        assert!(needs("-- --package=websocket", "stunnel"));
        assert!(!needs("", "valgrind"), "which only .ci/run needs");
    }

    #[test]
    fn the_caller_says_how_many_tests_run_at_a_time() {
        for line in ["-- -- --test-threads 3", "-- --lib -- --test-threads=3"] {
            assert_eq!(parse(line).unwrap().threads(), 3);
        }
        assert!(parse("").unwrap().threads() >= 1);
    }

    #[test]
    fn what_stands_alone_and_what_is_unknown_is_refused() {
        assert!(parse("--list").unwrap().list && parse("--install").unwrap().install);
        for line in ["--list --install", "--install --without-peers", "--list -- --lib", "--test client"] {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
