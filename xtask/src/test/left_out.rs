//! Which of the selected tests need what is missing. The test programs themselves are asked for the tests' names.

use std::io::Read;
use std::process::Stdio;

use hosted::tools::Tool;

use crate::Failure;

/// A tool, and the names of the tests that need it.
pub(super) type LeftOut = (&'static Tool, Vec<String>);

/// Builds the selected tests and finds those that need one of these tools.
pub(super) fn find(
    cargo: &[String],
    tests: &[String],
    tools: &[&'static Tool],
) -> Result<Vec<LeftOut>, Failure> {
    let mut build = hosted::cargo("test");
    // So that the progress is seen; the list is read.
    if !build.arg("--locked").args(cargo).arg("--no-run").status()?.success() {
        return Err(Failure::Other("the tests do not build, see above".into()));
    }
    // Cargo says on stderr whose tests follow on stdout: in one pipe they keep their order.
    let (mut output, input) = std::io::pipe()?;
    let mut child = {
        let mut list = hosted::cargo("test");
        let loud = cargo.iter().filter(|argument| !["-q", "--quiet"].contains(&argument.as_str()));
        list.arg("--locked").args(loud).args(["--color", "never", "--"]).args(tests);
        list.args(["--list", "--format", "terse"]);
        list.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).spawn()?
    };
    let mut said = String::new();
    output.read_to_string(&mut said)?;
    if !child.wait()?.success() {
        return Err(Failure::Other(format!("the tests cannot be listed:\n{said}")));
    }
    Ok(in_list(&said, tools))
}

/// The arguments by which a test program leaves these out.
pub(super) fn skips(left_out: &[LeftOut]) -> Vec<String> {
    let names = left_out.iter().flat_map(|(_, names)| names);
    names.flat_map(|name| ["--skip".to_owned(), name.clone()]).collect()
}

/// What a list of all tests, as cargo prints it, has for each tool.
fn in_list(list: &str, tools: &[&'static Tool]) -> Vec<LeftOut> {
    let mut left_out: Vec<LeftOut> = tools.iter().map(|&tool| (tool, Vec::new())).collect();
    let mut target = "";
    for line in list.lines() {
        if let Some(program) = line.trim_start().strip_prefix("Running ") {
            // The table has no unit tests, and those of a library may be called as a test program of another package.
            let is_library = program.starts_with("unittests ");
            target = target_of(program).filter(|_| !is_library).unwrap_or_default();
        } else if line.trim_start().starts_with("Doc-tests ") {
            target = "";
        } else if let Some(name) = line.strip_suffix(": test") {
            for (tool, names) in &mut left_out {
                let mut of_target = tool.tests.iter().filter(|tests| tests.target == target);
                if of_target.any(|tests| name.starts_with(tests.filter)) {
                    names.push(name.to_owned());
                }
            }
        }
    }
    left_out
}

/// `tests/client/main.rs (target/debug/deps/client-774159126f869067)` to `client`.
fn target_of(program: &str) -> Option<&str> {
    let file = program.trim_end().strip_suffix(')')?.rsplit(['/', '(']).next()?;
    Some(file.rsplit_once('-')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hosted::tools::TOOLS;
    use std::path::Path;

    const LIST: &str = "\
    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.10s
     Running unittests src/lib.rs (target/debug/deps/websocket-3e9e689ae69ad854)
stunnel::is_no_test_of_tls: test
     Running tests/tls/main.rs (target/debug/deps/tls-7d5d6b521e52a7be)
open::messages_pass_over_either_version: test
stunnel::messages_of_all_sizes: test
stunnel::one_more: test
     Running tests/upload/main.rs (target/debug/deps/upload-7d5d6b521e52a7be)
browser::a_page: test
     Running unittests src/lib.rs (target/debug/deps/device-7d5d6b521e52a7be)
server::python_websockets: test
     Running tests/device/main.rs (target/debug/deps/device-6f24e5164b041f61)
server::python_websockets: test
server::the_page_echoes_in_a_browser: test
server::twelve_connections: test
   Doc-tests websocket
browser::a_page: test
";

    #[test]
    fn each_tool_leaves_out_its_own_tests() {
        let tools =
            ["stunnel", "chromedriver", "node", "python3-venv"].map(|name| Tool::named(name).unwrap());
        let left_out = in_list(LIST, &tools);
        let of = |at: usize| left_out[at].1.join(" ");
        assert_eq!(of(0), "stunnel::messages_of_all_sizes stunnel::one_more");
        assert_eq!(of(1), "browser::a_page server::the_page_echoes_in_a_browser");
        assert_eq!(of(2), "");
        assert_eq!(of(3), "open::messages_pass_over_either_version server::python_websockets");
        assert_eq!(skips(&left_out)[..2], ["--skip", "stunnel::messages_of_all_sizes"]);
    }

    #[test]
    fn a_line_of_cargo_names_the_test_program() {
        assert_eq!(
            target_of("tests/upload_parts.rs (target/debug/deps/upload_parts-2d64)"),
            Some("upload_parts")
        );
        assert_eq!(target_of("nothing"), None);
    }

    /// The table names tests by how their names begin; a test that is renamed must not fall out of it unseen.
    #[test]
    fn every_name_in_the_table_is_that_of_a_test() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for tests in TOOLS.iter().flat_map(|tool| tool.tests) {
            // The service's package is that of the workspace.
            let package = if tests.package == "websocket" { "." } else { tests.package };
            let folder = workspace.join(package).join("tests");
            let sources = module(&folder, tests.target, &modules(tests.filter));
            let names = tests_in(&sources);
            let begins = tests.filter.rsplit("::").next().unwrap();
            assert!(names.iter().any(|name| name.starts_with(begins)), "{tests:?}");
        }
    }

    /// The modules in a filter: `server::keys::a_` is in `server` and `keys`.
    fn modules(filter: &str) -> Vec<&str> {
        let mut path: Vec<_> = filter.split("::").collect();
        path.pop();
        path
    }

    /// The sources of a module of a test program, those below it included.
    fn module(folder: &Path, target: &str, path: &[&str]) -> String {
        let mut place = folder.join(target);
        let mut sources = if path.is_empty() { source(&place.with_extension("rs")) } else { String::new() };
        place.extend(path);
        sources += &source(&place.with_extension("rs"));
        let Ok(files) = std::fs::read_dir(&place) else { return sources };
        sources + &files.map(|file| source(&file.unwrap().path())).collect::<String>()
    }

    /// A file's text, empty where there is no such file.
    fn source(file: &Path) -> String {
        std::fs::read_to_string(file).unwrap_or_default()
    }

    /// The names of the tests in sources.
    fn tests_in(sources: &str) -> Vec<&str> {
        let behind = sources.split("#[test]").skip(1);
        behind.filter_map(|text| text.split_once("fn ")?.1.split_once('(')).map(|(name, _)| name).collect()
    }
}
