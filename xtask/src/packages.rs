//! Installs Debian's and Ubuntu's packages by apt, as root or through sudo: all that are asked for, or none.
//!
//! Nothing that is installed is removed for them, and nothing waits for a person: neither sudo nor apt asks, and a
//! locked apt is waited for two minutes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use hosted::tools::on_path;

/// Why packages are not installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The machine has no apt.
    #[error("this machine has no apt-get")]
    NoApt,
    /// Neither root nor sudo without a password.
    #[error("apt-get needs root, or sudo without a password")]
    NotRoot,
    /// Apt reaches none of its sources.
    #[error("apt-get reaches no server, which takes a network")]
    NoNetwork,
    /// Apt does not know this package.
    #[error("apt-get does not know the package {0}")]
    Unknown(String),
    /// Another process holds apt's lock.
    #[error("another process holds apt's lock")]
    Locked,
    /// Something else; what apt said last.
    #[error("apt-get failed: {0}")]
    Other(String),
}

/// What installing takes of a machine.
pub(crate) trait Machine {
    /// Whether a program is on the `PATH`.
    fn has(&self, program: &str) -> bool;
    /// Whether this process is root's.
    fn is_root(&self) -> bool;
    /// Runs a command to its end: whether it succeeded, and what it said, a line that is repeated once.
    fn run(&mut self, command: &[&str]) -> (bool, String);
}

/// Installs the packages in one step, so that none is installed when one cannot be.
pub(crate) fn install(machine: &mut impl Machine, packages: &[&str]) -> Result<(), Fault> {
    if !machine.has("apt-get") {
        return Err(Fault::NoApt);
    }
    let mut apt = vec![];
    if !machine.is_root() {
        if !machine.has("sudo") || !machine.run(&["sudo", "-n", "true"]).0 {
            return Err(Fault::NotRoot);
        }
        apt.extend(["sudo", "-n"]);
    }
    apt.extend(["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "-q"]);
    apt.extend([
        "-o",
        "DPkg::Lock::Timeout=120",
        "-o",
        "Acquire::http::Timeout=30",
        "-o",
        "Acquire::Retries=1",
    ]);
    let updated = machine.run(&[&apt[..], &["update"]].concat());
    let install = ["install", "--yes", "--no-install-recommends", "--no-remove"];
    let installed = machine.run(&[&apt[..], &install, packages].concat());
    if installed.0 {
        return Ok(());
    }
    // What apt does not know it may only not have heard of.
    let fault = fault(&installed.1);
    match (fault, self::fault(&updated.1)) {
        (Fault::Unknown(_), not_heard @ (Fault::NoNetwork | Fault::Locked)) => Err(not_heard),
        (fault, _) => Err(fault),
    }
}

/// What apt means by what it says in English.
fn fault(said: &str) -> Fault {
    let says = |text: &str, parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let locked = ["Could not get lock", "Unable to lock", "Unable to acquire the dpkg frontend lock"];
    // While it waits for the lock it says as much, and may get it.
    if said.lines().any(|line| line.starts_with("E: ") && says(line, &locked)) {
        return Fault::Locked;
    }
    // What is fetched may also be missing or damaged there.
    let unreachable = [
        "Could not resolve",
        "Temporary failure resolving",
        "Could not connect",
        "Connection timed out",
        "Connection failed",
        "Cannot initiate the connection",
        "Network is unreachable",
    ];
    if says(said, &unreachable) {
        return Fault::NoNetwork;
    }
    for line in said.lines() {
        if let Some(package) = line.strip_prefix("E: Unable to locate package ") {
            return Fault::Unknown(package.trim().to_owned());
        }
        if let Some(rest) = line.strip_prefix("E: Package '")
            && let Some((package, _)) = rest.split_once("' has no installation candidate")
        {
            return Fault::Unknown(package.to_owned());
        }
    }
    let last = said.lines().rfind(|line| line.starts_with("E: ")).or(said.lines().next_back());
    Fault::Other(last.unwrap_or("it said nothing").to_owned())
}

/// The machine that this runs on. What the commands say is shown on stderr, too.
pub(crate) struct ThisMachine;

impl Machine for ThisMachine {
    fn has(&self, program: &str) -> bool {
        on_path(program)
    }

    fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    fn run(&mut self, command: &[&str]) -> (bool, String) {
        run(command).unwrap_or_else(|error| (false, format!("E: {}: {error}", command.join(" "))))
    }
}

fn run(command: &[&str]) -> std::io::Result<(bool, String)> {
    let Some((program, arguments)) = command.split_first() else { return Ok((true, String::new())) };
    let (output, input) = std::io::pipe()?;
    let mut child = {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
        command.spawn()?
        // The command, and with it this process's end of the pipe, is dropped here.
    };
    let (mut said, mut last) = (String::new(), String::new());
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        // While apt waits for its lock it says so each second.
        if line != last {
            eprintln!("    {line}");
            said += &line;
            said.push('\n');
        }
        last = line;
    }
    Ok((child.wait()?.success(), said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Fake {
        programs: Vec<&'static str>,
        root: bool,
        /// By the last words of the commands that fail.
        failures: Vec<(&'static str, &'static str)>,
        ran: Vec<String>,
    }

    impl Machine for Fake {
        fn has(&self, program: &str) -> bool {
            self.programs.contains(&program)
        }

        fn is_root(&self) -> bool {
            self.root
        }

        fn run(&mut self, command: &[&str]) -> (bool, String) {
            let command = command.join(" ");
            let failure = self.failures.iter().find(|(end, _)| command.ends_with(end));
            let result = failure.map_or((true, String::new()), |(_, said)| (false, (*said).to_owned()));
            self.ran.push(command);
            result
        }
    }

    fn debian(failures: &[(&'static str, &'static str)]) -> Fake {
        Fake { programs: vec!["apt-get"], root: true, failures: failures.to_vec(), ran: vec![] }
    }

    #[test]
    fn root_installs_all_in_one_step_and_removes_nothing() {
        let mut machine = debian(&[]);
        assert_eq!(install(&mut machine, &["stunnel4", "chromium"]), Ok(()));
        let [update, install] = &machine.ran[..] else { panic!("{:?}", machine.ran) };
        assert!(update.starts_with("env ") && update.ends_with(" update"), "{update}");
        assert!(install.ends_with("--no-remove stunnel4 chromium"), "{install}");
        assert!(install.contains("DPkg::Lock::Timeout=120"), "{install}");
    }

    #[test]
    fn others_use_sudo_if_it_asks_nothing() {
        let mut machine = Fake { programs: vec!["apt-get", "sudo"], ..Fake::default() };
        assert_eq!(install(&mut machine, &["stunnel4"]), Ok(()));
        assert!(machine.ran.iter().all(|command| command.starts_with("sudo -n ")), "{:?}", machine.ran);

        let refusal = ("sudo -n true", "sudo: a password is required");
        let mut machine =
            Fake { failures: vec![refusal], programs: vec!["apt-get", "sudo"], ..Fake::default() };
        assert_eq!(install(&mut machine, &["stunnel4"]), Err(Fault::NotRoot));
        assert_eq!(machine.ran.len(), 1, "nothing is installed: {:?}", machine.ran);
        let mut machine = Fake { programs: vec!["apt-get"], ..Fake::default() };
        assert_eq!(install(&mut machine, &["stunnel4"]), Err(Fault::NotRoot));
    }

    #[test]
    fn without_apt_nothing_is_run() {
        let mut machine = Fake { programs: vec!["sudo"], root: true, ..Fake::default() };
        assert_eq!(install(&mut machine, &["stunnel4"]), Err(Fault::NoApt));
        assert!(machine.ran.is_empty());
    }

    #[test]
    fn what_apt_says_is_told_apart() {
        let lock = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)";
        let cases = [
            (lock, Fault::Locked),
            ("E: Failed to fetch http://host/x  Could not connect", Fault::NoNetwork),
            ("E: Unable to locate package nonesuch", Fault::Unknown("nonesuch".into())),
            ("E: Package 'chromium' has no installation candidate", Fault::Unknown("chromium".into())),
            (
                "Waiting for cache lock: Could not get lock /x. It is held by process 7 (apt)\nE: Unable to locate package a",
                Fault::Unknown("a".into()),
            ),
            (
                "E: Failed to fetch http://host/x  404  Not Found",
                Fault::Other("E: Failed to fetch http://host/x  404  Not Found".into()),
            ),
            (
                "Reading\nE: Packages need to be removed\n",
                Fault::Other("E: Packages need to be removed".into()),
            ),
            ("", Fault::Other("it said nothing".into())),
        ];
        for (said, expected) in cases {
            assert_eq!(install(&mut debian(&[("stunnel4", said)]), &["stunnel4"]), Err(expected));
        }
    }

    #[test]
    fn a_package_unheard_of_without_a_network_is_for_want_of_the_network() {
        let unknown = ("stunnel4", "E: Unable to locate package stunnel4");
        let offline = (" update", "W: Failed to fetch http://host/  Temporary failure resolving 'host'");
        assert_eq!(install(&mut debian(&[unknown, offline]), &["stunnel4"]), Err(Fault::NoNetwork));
        // What apt knows from before is installed all the same.
        assert_eq!(install(&mut debian(&[offline]), &["stunnel4"]), Ok(()));
    }

    #[test]
    fn what_a_command_says_is_kept() {
        let (succeeded, said) = ThisMachine.run(&["sh", "-c", "echo one; echo two >&2; echo two; exit 3"]);
        assert!(!succeeded);
        assert_eq!(said, "one\ntwo\n");
        assert!(!ThisMachine.run(&["a program that nobody has"]).0);
    }
}
