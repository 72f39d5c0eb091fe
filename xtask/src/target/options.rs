//! The command line of `cargo xtask target`.

use std::path::{Path, PathBuf};

use lexopt::Arg::Long;
use lexopt::{Parser, ValueExt};
use serde_json::Value;

/// Parsed options.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// The builds that are made.
    pub(super) builds: Vec<Tls>,
    /// `precursor` or `renode`.
    pub(super) device: Option<String>,
    pub(super) record: bool,
    /// How many functions to list; 0 for none.
    pub(super) top: usize,
    /// The manifest of a package that is built instead.
    pub(super) manifest: Option<PathBuf>,
}

impl Options {
    /// Parses the arguments behind `target`.
    pub(super) fn parse(arguments: Vec<String>) -> Result<Self, String> {
        Self::read(Parser::from_args(arguments)).map_err(|fault| fault.to_string())
    }

    fn read(mut parser: Parser) -> Result<Self, lexopt::Error> {
        // What goes onto devices, without TLS and with it.
        let builds = vec![Tls::None, Tls::Rustcrypto];
        let mut options = Self { builds, device: None, record: false, top: 0, manifest: None };
        while let Some(option) = parser.next()? {
            match option {
                Long("tls") => options.builds = vec![parser.value()?.parse_with(Tls::from_name)?],
                Long("features") => options.device = Some(parser.value()?.parse_with(device_feature)?),
                Long("record") => options.record = true,
                Long("manifest") => options.manifest = Some(parser.value()?.into()),
                Long("top") => options.top = parser.value()?.parse()?,
                other => return Err(other.unexpected()),
            }
        }
        Ok(options)
    }
}

fn device_feature(name: &str) -> Result<String, String> {
    match name {
        "precursor" | "renode" => Ok(name.to_owned()),
        _ => Err(format!("--features takes precursor or renode, not {name}")),
    }
}

/// The TLS provider that a build links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    None,
    Ring,
    Rustcrypto,
}

impl Tls {
    fn from_name(name: &str) -> Result<Self, String> {
        [Self::None, Self::Ring, Self::Rustcrypto]
            .into_iter()
            .find(|tls| tls.name() == name)
            .ok_or(format!("--tls takes ring, rustcrypto or none, not {name}"))
    }

    /// The option's value, which is also the name of the build in `sizes.toml`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ring => "ring",
            Self::Rustcrypto => "rustcrypto",
        }
    }

    /// The cargo feature of the service that links this provider.
    pub(super) fn feature(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Ring => Some("tls-ring"),
            Self::Rustcrypto => Some("tls-rustcrypto"),
        }
    }

    /// Fails when the service has no such feature, before anything is installed or built.
    pub(super) fn check(self, root: &Path) -> Result<(), String> {
        let Some(feature) = self.feature() else { return Ok(()) };
        let output = hosted::cargo("metadata")
            .args(["--format-version=1", "--no-deps"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("cargo metadata: {error}"))?;
        let metadata: Value =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
        if has_feature(&metadata, feature) {
            return Ok(());
        }
        Err(format!("TLS is not built in yet: the package `websocket` has no feature `{feature}`"))
    }
}

fn has_feature(metadata: &Value, feature: &str) -> bool {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    packages.iter().any(|package| package["name"] == "websocket" && package["features"][feature].is_array())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn defaults() {
        let builds = vec![Tls::None, Tls::Rustcrypto];
        assert_eq!(parse(""), Ok(Options { builds, device: None, record: false, top: 0, manifest: None }));
    }

    #[test]
    fn every_option() {
        let builds = vec![Tls::Ring];
        let options = Options { builds, device: Some("renode".into()), record: true, top: 7, manifest: None };
        assert_eq!(parse("--tls ring --features renode --record --top 7"), Ok(options));
    }

    #[test]
    fn another_manifest() {
        let options = parse("--manifest package/Cargo.toml").unwrap();
        assert_eq!(options.manifest.as_deref(), Some(Path::new("package/Cargo.toml")));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for line in
            ["--tls", "--manifest", "--tls openssl", "--features hosted", "--top many", "--release", "extra"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn finds_a_feature_of_the_service_only() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "other", "features": { "tls-ring": [] } },
            { "name": "websocket", "features": { "renode": [] } },
        ]});
        assert!(has_feature(&metadata, "renode"));
        assert!(!has_feature(&metadata, "tls-ring"));
    }
}
