//! Certificates made for a test.

use std::time::{Duration, SystemTime};

use hosted::tools::command;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::support::Scratch;

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    pub(crate) der: Vec<u8>,
}

/// A certificate with its key, in PEM.
pub(crate) struct Leaf {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    /// A root.
    pub(crate) fn new(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Authority { issuer: Issuer::new(params, key), pem, der }
    }

    /// An authority below this one.
    pub(crate) fn intermediate(&self, name: &str) -> Authority {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Authority { issuer: Issuer::new(params, key), pem, der }
    }

    /// A server's certificate for these names and addresses.
    pub(crate) fn server(&self, names: &[&str]) -> Leaf {
        self.leaf(leaf(names, ExtendedKeyUsagePurpose::ServerAuth))
    }

    /// As [`Authority::server`], with an Ed25519 key: all of its signatures have the same length.
    pub(crate) fn server_ed25519(&self, names: &[&str]) -> Leaf {
        // OpenSSL does not read such a key as `rcgen` writes it.
        let files = Scratch::new();
        let file = files.path("key");
        openssl(&["genpkey", "-algorithm", "ed25519", "-out", &file]);
        let key = KeyPair::from_pem(&std::fs::read_to_string(&file).unwrap()).unwrap();
        self.certify(leaf(names, ExtendedKeyUsagePurpose::ServerAuth), &key)
    }

    /// A client's certificate.
    pub(crate) fn client(&self, name: &str) -> Leaf {
        self.leaf(leaf(&[name], ExtendedKeyUsagePurpose::ClientAuth))
    }

    /// A client's certificate that is valid from the first to the second year.
    pub(crate) fn client_valid(&self, name: &str, years: (i32, i32)) -> Leaf {
        self.leaf(valid(leaf(&[name], ExtendedKeyUsagePurpose::ClientAuth), years))
    }

    /// A server's certificate that is valid from the first to the second year.
    pub(crate) fn server_valid(&self, names: &[&str], years: (i32, i32)) -> Leaf {
        self.leaf(valid(leaf(names, ExtendedKeyUsagePurpose::ServerAuth), years))
    }

    /// A server's certificate that expires in so many days.
    pub(crate) fn server_for_days(&self, names: &[&str], days: u64) -> Leaf {
        let mut params = leaf(names, ExtendedKeyUsagePurpose::ServerAuth);
        params.not_after = (SystemTime::now() + Duration::from_secs(days * 24 * 60 * 60)).into();
        self.leaf(params)
    }

    /// The authority itself in the place of a server.
    pub(crate) fn as_server(&self) -> Leaf {
        let mut params = authority("localhost");
        params.key_usages.clear();
        params.subject_alt_names =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().subject_alt_names;
        self.leaf(params)
    }

    fn leaf(&self, params: CertificateParams) -> Leaf {
        self.certify(params, &KeyPair::generate().unwrap())
    }

    fn certify(&self, params: CertificateParams, key: &KeyPair) -> Leaf {
        let chain = params.signed_by(key, &self.issuer).unwrap().pem();
        Leaf { chain, key: key.serialize_pem() }
    }
}

/// A server's certificate that nobody but itself vouches for.
pub(crate) fn self_signed(names: &[&str]) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let chain = leaf(names, ExtendedKeyUsagePurpose::ServerAuth).self_signed(&key).unwrap().pem();
    Leaf { chain, key: key.serialize_pem() }
}

/// As [`self_signed`], with an RSA key, which only OpenSSL makes.
pub(crate) fn self_signed_rsa(name: &str) -> Leaf {
    let files = Scratch::new();
    let (key, chain) = (files.path("key"), files.path("chain"));
    let name = format!("subjectAltName=DNS:{name}");
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-noenc",
        "-subj",
        "/CN=leaf",
        "-addext",
        &name,
        "-addext",
        "basicConstraints=critical,CA:false",
        "-keyout",
        &key,
        "-out",
        &chain,
    ]);
    let read = |path| std::fs::read_to_string(path).unwrap();
    Leaf { chain: read(chain), key: read(key) }
}

/// An authority, in PEM, and a server's certificate from it. Both have keys of this kind, for `openssl genpkey`, and
/// the signatures of these options, for `openssl x509`. What OpenSSL still does rcgen need not.
pub(crate) fn by_openssl(name: &str, key: &[&str], signature: &[&str]) -> (String, Leaf) {
    issue(&format!("subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n"), key, signature)
}

/// The same for a client.
pub(crate) fn client_by_openssl(key: &[&str]) -> (String, Leaf) {
    issue("extendedKeyUsage=clientAuth\n", key, &[])
}

fn issue(extensions: &str, key: &[&str], signature: &[&str]) -> (String, Leaf) {
    let files = Scratch::new();
    let path = |name| files.path(name);
    let [ca_key, ca, leaf_key, request, leaf] = ["ca.key", "ca", "leaf.key", "request", "leaf"].map(path);
    let extensions = files.write("extensions", extensions);
    for file in [&ca_key, &leaf_key] {
        openssl(&[&["genpkey", "-out", file], key].concat());
    }
    let root = ["req", "-x509", "-days", "30", "-subj", "/CN=root", "-key", &ca_key, "-out", &ca];
    openssl(&[&root, signature].concat());
    openssl(&["req", "-new", "-subj", "/CN=leaf", "-key", &leaf_key, "-out", &request]);
    let issue =
        ["x509", "-req", "-days", "30", "-in", &request, "-CA", &ca, "-CAkey", &ca_key, "-set_serial", "1"];
    let into = ["-extfile", &extensions, "-out", &leaf];
    openssl(&[&issue[..], &into, signature].concat());
    let read = |path| std::fs::read_to_string(path).unwrap();
    (read(ca), Leaf { chain: read(leaf), key: read(leaf_key) })
}

/// The first certificate of a chain.
pub(crate) fn der(leaf: &Leaf) -> Vec<u8> {
    let files = Scratch::new();
    let (pem, der) = (files.write("pem", &leaf.chain), files.path("der"));
    openssl(&["x509", "-in", &pem, "-outform", "DER", "-out", &der]);
    std::fs::read(der).unwrap()
}

fn openssl(arguments: &[&str]) {
    let output = command("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(names: &[&str], purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names.clone()).unwrap();
    params.distinguished_name.push(DnType::CommonName, names.first().map_or("leaf", |name| name));
    params.extended_key_usages = vec![purpose];
    params
}

fn valid(mut params: CertificateParams, years: (i32, i32)) -> CertificateParams {
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params
}
