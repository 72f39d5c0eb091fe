//! The demonstration's certificate, for this machine only.
//!
//! Its authority's key is never written: once the certificate is made, nobody can make another that a browser would
//! trust along with this authority. Besides, the authority is only good for this machine's own names.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use time::OffsetDateTime;

use crate::Failure;

/// Names and addresses of this machine.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long authority and certificate are valid, and when others are made.
const VALID: time::Duration = time::Duration::days(397);
const USED: Duration = Duration::from_secs(300 * 24 * 60 * 60);

/// Files in PEM.
pub(super) struct Files {
    pub(super) authority: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Files {
    /// The files below `target/hosted/tls/`, made when there are none or when they will soon be too old.
    pub(super) fn get() -> Result<Self, Failure> {
        let directory = hosted::directory().join("tls");
        let path = |name: &str| directory.join(name);
        let files =
            Files { authority: path("ca.pem"), certificate: path("server.pem"), key: path("server.key") };
        if !files.are_usable() {
            fs::create_dir_all(&directory)?;
            files.make()?;
        }
        Ok(files)
    }

    fn are_usable(&self) -> bool {
        // The authority is written last.
        let written = fs::metadata(&self.authority).and_then(|file| file.modified()).ok();
        let age = written.and_then(|written| written.elapsed().ok());
        age.is_some_and(|age| age < USED) && self.certificate.is_file() && self.key.is_file()
    }

    fn make(&self) -> Result<(), Failure> {
        let made = make()?;
        // An old authority does not go with the new certificate.
        fs::remove_file(&self.authority).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        fs::remove_file(&self.key).ok();
        let mut key = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.key)?;
        key.write_all(made.key.as_bytes())?;
        fs::write(&self.certificate, made.certificate)?;
        fs::write(&self.authority, made.authority)?;
        Ok(())
    }

    /// How to have a server with this certificate on `port` trusted.
    pub(super) fn advice(&self, port: &str) -> String {
        let authority = self.authority.display();
        format!(
            "The certificate is made for this machine; programs that trust its authority accept it:\n\
             \x20 {authority}\n\
             curl:      curl --cacert '{authority}' https://localhost:{port}/\n\
             Chromium:  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n websocket-demonstration -i '{authority}'\n\
             \x20          (certutil comes with libnss3-tools; to end the trust: certutil -d sql:$HOME/.pki/nssdb -D -n \
             websocket-demonstration)\n\
             Firefox:   Settings, Certificates, Authorities, Import\n\
             our own:   cargo xtask run -- wss://localhost:{port}/echo --ca '{authority}' --send hello"
        )
    }
}

/// In PEM.
struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn make() -> Result<Made, rcgen::Error> {
    let authority_key = KeyPair::generate()?;
    let mut params = valid(CertificateParams::default());
    params.distinguished_name.push(DnType::CommonName, "WebSocket demonstration, this machine only");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".into()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                std::net::Ipv6Addr::LOCALHOST.octets(),
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    let authority = params.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(params, authority_key);

    let key = KeyPair::generate()?;
    let mut params = valid(CertificateParams::new(NAMES.map(str::to_owned))?);
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &issuer)?.pem();
    Ok(Made { authority, certificate, key: key.serialize_pem() })
}

/// From yesterday, as clocks differ.
fn valid(mut params: CertificateParams) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::days(1);
    params.not_after = params.not_before + VALID;
    params
}
