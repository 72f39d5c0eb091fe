//! The programs that are not ours and that tests and measurements need: what each is for, and who packages it.
//!
//! [`TOOLS`] is the one list of them. `cargo xtask test` installs by it and leaves tests out by it, and [`command`] names
//! what a test misses.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program, or a part of one, that somebody else makes.
#[derive(Debug)]
pub struct Tool {
    /// What it is called, here and where it is asked for.
    pub name: &'static str,
    /// What tells that it is there.
    pub check: Check,
    /// Its packages in Debian.
    pub packages: &'static [&'static str],
    /// Its packages in Ubuntu where they are called otherwise there; else empty.
    pub ubuntu: &'static [&'static str],
    /// The tests that fail without it.
    pub tests: &'static [Tests],
    /// The other sections of `.ci/run` that need it.
    pub sections: &'static [&'static str],
    /// What it does for them.
    pub purpose: &'static str,
}

/// How a tool is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// All of these programs are on the `PATH`.
    OnPath(&'static [&'static str]),
    /// This command, a program and its arguments, ends with success.
    Succeeds(&'static [&'static str]),
}

/// Tests of one test program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tests {
    /// The package, as `cargo test --package` takes it.
    pub package: &'static str,
    /// The test program, as `cargo test --test` takes it. No other package of the table has one of this name.
    pub target: &'static str,
    /// How their names begin, and that of no other test of this program; empty for all.
    pub filter: &'static str,
}

/// Tests of the service.
const fn tests(target: &'static str, filter: &'static str) -> Tests {
    Tests { package: "websocket", target, filter }
}

/// Tests on the emulated device.
const fn on_device(filter: &'static str) -> Tests {
    Tests { package: "device-tests", target: "device", filter }
}

/// Every tool, in the order in which they are installed.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "cc",
        check: Check::OnPath(&["cc"]),
        packages: &["gcc", "libc6-dev"],
        ubuntu: &[],
        tests: &[tests("client", "addresses::"), tests("tls", "clock::")],
        sections: &[],
        purpose: "links what Rust compiles, and compiles a clock of 1970 and a name with two addresses",
    },
    Tool {
        name: "openssl",
        check: Check::OnPath(&["openssl"]),
        packages: &["openssl"],
        ubuntu: &[],
        tests: &[
            tests("tls", "algorithms::"),
            tests("tls", "certificates::signed_with_a_hash_that_is_broken"),
            tests("tls", "closing::keys_are_renewed"),
            tests("tls", "closing::renegotiation_is_refused"),
            tests("tls", "server::keys::"),
            tests("tls", "server::suites::"),
            tests("tls", "wire::a_server_that_is_cut_off"),
        ],
        sections: &[],
        purpose: "plays TLS by hand and makes keys and certificates",
    },
    Tool {
        name: "python3",
        check: Check::OnPath(&["python3"]),
        packages: &["python3"],
        ubuntu: &[],
        tests: PYTHON_TESTS,
        sections: &["rustcrypto", "autobahn", "service", "device-cases"],
        purpose: "TLS peers, the package websockets as a peer, and the Autobahn cases run on it",
    },
    Tool {
        name: "python3-venv",
        check: Check::Succeeds(&["python3", "-c", "import venv, ensurepip"]),
        packages: &["python3-venv"],
        ubuntu: &[],
        tests: PYTHON_TESTS,
        sections: &["rustcrypto", "autobahn", "service", "device-cases"],
        purpose: "installs Python packages below target/",
    },
    Tool {
        name: "node",
        check: Check::OnPath(&["node", "npm"]),
        packages: &["nodejs", "npm", "ca-certificates"],
        ubuntu: &[],
        tests: &[tests("client", "foreign_peers::npm_ws"), tests("server", "clients::npm_ws")],
        sections: &[],
        purpose: "the package ws as a peer",
    },
    Tool {
        name: "libwebsockets-test-server",
        check: Check::OnPath(&["libwebsockets-test-server"]),
        packages: &["libwebsockets-test-server"],
        ubuntu: &[],
        tests: &[tests("client", "foreign_peers::libwebsockets")],
        sections: &[],
        purpose: "libwebsockets as a peer",
    },
    Tool {
        name: "stunnel",
        check: Check::OnPath(&["stunnel"]),
        packages: &["stunnel4"],
        ubuntu: &[],
        tests: &[tests("tls", "stunnel::")],
        sections: &[],
        purpose: "puts TLS in front of a program that has none",
    },
    Tool {
        name: "ip",
        check: Check::OnPath(&["ip"]),
        packages: &["iproute2"],
        ubuntu: &[],
        tests: &[tests("server", "ports::a_listener_may_come_before_the_network")],
        sections: &[],
        purpose: "gives this machine an address and takes it away",
    },
    Tool {
        // Its package brings the browser.
        name: "chromedriver",
        check: Check::OnPath(&["chromedriver"]),
        packages: &["chromium", "chromium-driver"],
        ubuntu: &["chromium-chromedriver"],
        tests: &[
            tests("server", "pairing::a_browser_"),
            tests("server", "web_pages::"),
            tests("upload", "browser::"),
            tests("tls", "server::browser::"),
            on_device("server::the_page_echoes_in_a_browser"),
        ],
        sections: &[],
        purpose: "Chromium opens the pages",
    },
    Tool {
        name: "curl",
        check: Check::OnPath(&["curl"]),
        packages: &["curl"],
        ubuntu: &[],
        tests: &[tests("upload", "versions::curl_")],
        sections: &[],
        purpose: "goes on with a download",
    },
    Tool {
        name: "certutil",
        check: Check::OnPath(&["certutil"]),
        packages: &["libnss3-tools"],
        ubuntu: &[],
        tests: &[tests("tls", "server::browser::")],
        sections: &[],
        purpose: "has Chromium trust a certificate",
    },
    Tool {
        name: "valgrind",
        check: Check::OnPath(&["valgrind"]),
        packages: &["valgrind"],
        ubuntu: &[],
        tests: &[],
        sections: &["bench"],
        purpose: "counts instructions",
    },
];

const PYTHON_TESTS: &[Tests] = &[
    tests("client", "foreign_peers::python_websockets"),
    tests("server", "clients::python_websockets"),
    tests("programs", ""),
    tests("memory", "secure_"),
    tests("tls", "algorithms::keys_"),
    tests("tls", "certificates::"),
    tests("tls", "clock::"),
    tests("tls", "closing::a_"),
    tests("tls", "open::"),
    tests("tls", "server::browser::"),
    tests("tls", "server::certificates::a_port_is_secure_or_plain"),
    tests("tls", "server::certificates::only_clients_with_a_certificate"),
    tests("tls", "server::certificates::renewing"),
    tests("tls", "server::certificates::what_is_of_no_use"),
    tests("tls", "server::open::"),
    tests("tls", "server::refused::"),
    tests("tls", "server::stored::"),
    tests("tls", "server::streams::"),
    tests("tls", "server::suites::"),
    tests("tls", "stored::"),
    tests("tls", "streams::"),
    tests("tls", "wire::"),
    on_device("server::python_websockets"),
];

impl Tool {
    /// The tool that is called so.
    pub fn named(name: &str) -> Option<&'static Tool> {
        TOOLS.iter().find(|tool| tool.name == name)
    }

    /// Whether it is there. [`Check::Succeeds`] starts a process.
    pub fn is_there(&self) -> bool {
        match self.check {
            Check::OnPath(programs) => programs.iter().all(|program| on_path(program)),
            Check::Succeeds(command) => {
                let Some((program, arguments)) = command.split_first() else { return true };
                let mut command = Command::new(program);
                command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                command.status().is_ok_and(|status| status.success())
            }
        }
    }

    /// The sentence for somebody who misses it.
    pub fn is_missing(&self) -> String {
        let packages = self.packages.join(" and ");
        format!(
            "{} is missing ({}): run `cargo xtask test`, which installs it (Debian: {packages}), or \
             `cargo xtask test --without-peers`, which leaves out the tests that need it",
            self.name, self.purpose
        )
    }
}

/// The command for a program of [`TOOLS`], looked up by the tool's name or one of its programs.
///
/// # Panics
/// When it is missing, with what to do about it; and when it is not in the list.
pub fn command(program: &str) -> Command {
    let of = |tool: &&Tool| matches!(tool.check, Check::OnPath(programs) if programs.contains(&program));
    let tool = TOOLS.iter().find(of).unwrap_or_else(|| panic!("{program} is not in hosted::tools::TOOLS"));
    require(tool.name);
    Command::new(program)
}

/// Does nothing if the tool of this name is there.
///
/// # Panics
/// When it is missing, with what to do about it; and when it is not in the list.
pub fn require(name: &str) {
    let tool = Tool::named(name).unwrap_or_else(|| panic!("{name} is not in hosted::tools::TOOLS"));
    assert!(tool.is_there(), "{}", tool.is_missing());
}

/// Whether a program is in a directory of the `PATH`.
pub fn on_path(program: &str) -> bool {
    where_on_path(program).next().is_some()
}

/// The files of this name in the directories of the `PATH`, in their order.
pub fn where_on_path(program: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let files: Vec<_> =
        std::env::split_paths(&path).map(|dir| dir.join(program)).filter(|file| file.is_file()).collect();
    files.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_name_of_its_own_a_package_and_a_use() {
        for (at, tool) in TOOLS.iter().enumerate() {
            assert!(TOOLS[..at].iter().all(|other| other.name != tool.name), "{}", tool.name);
            assert!(!tool.packages.is_empty() && !tool.purpose.is_empty(), "{}", tool.name);
            assert!(!tool.tests.is_empty() || !tool.sections.is_empty(), "{}", tool.name);
        }
    }

    /// Cargo tells of a list of tests which program has them, and not whose that is.
    #[test]
    fn a_test_program_is_of_one_package() {
        let all = || TOOLS.iter().flat_map(|tool| tool.tests);
        for tests in all() {
            assert!(
                all().all(|other| other.target != tests.target || other.package == tests.package),
                "{tests:?}"
            );
        }
    }

    /// `.ci/run` looks for tools by itself and leaves out the sections that need them.
    #[test]
    fn a_section_that_looks_for_a_tool_is_one_of_its_sections() {
        let script = include_str!("../../.ci/run");
        let mut found = 0;
        for line in script.lines().filter_map(|line| line.trim().strip_prefix("section_with ")) {
            let (section, rest) = line.split_once(' ').unwrap();
            for tool in TOOLS {
                let looked_for = match tool.name {
                    "python3" | "python3-venv" => "$(missing_venv)".to_owned(),
                    name => format!("$(missing {name})"),
                };
                if rest.contains(&looked_for) {
                    assert!(tool.sections.contains(&section), "{section} is missing from {}", tool.name);
                    found += 1;
                }
            }
        }
        assert!(found > 5, "the script looks for tools in another way");
    }

    #[test]
    fn a_missing_tool_is_named_with_its_packages_and_the_way_on() {
        let text = Tool::named("stunnel").unwrap().is_missing();
        for part in ["stunnel is missing", "stunnel4", "`cargo xtask test`", "--without-peers"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_command_succeeds_or_the_tool_is_missing() {
        let tool = |command| Tool {
            name: "",
            check: Check::Succeeds(command),
            packages: &[],
            ubuntu: &[],
            tests: &[],
            sections: &[],
            purpose: "",
        };
        assert!(tool(&["true"]).is_there());
        assert!(!tool(&["false"]).is_there());
        assert!(!tool(&["a program that nobody has"]).is_there());
        assert!(on_path("sh") && !on_path("a program that nobody has"));
    }
}
