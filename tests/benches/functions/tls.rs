//! Addresses behind TLS on this machine, with certificates like those that AWS shows: a leaf and an intermediate with RSA keys of 2048
//! bits, under a root that clients find among a hundred others.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    RsaKeySize,
};
use serde::{Deserialize, Serialize};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::version::TLS13;

/// Where Linux distributions keep the roots that they trust, Amazon's first.
const SYSTEM_ROOTS: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// Addresses of this machine. A service has one to itself, as at AWS a name, so that no client resumes with one what it began with
/// another.
pub(crate) const OF_DYNAMODB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
pub(crate) const OF_SECRETS_MANAGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// An authority that nobody else trusts, and a server that it vouches for.
pub(crate) struct Authority {
    pub(crate) roots: Roots,
    acceptor: TlsAcceptor,
}

/// Files in PEM.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Roots {
    /// The authority's root, beside those that the system trusts: reading them is a part of every start.
    pub(crate) all: PathBuf,
    /// The authority's root alone.
    pub(crate) own: PathBuf,
}

impl Authority {
    /// Makes one up, and leaves what clients need in the directory.
    pub(crate) fn in_directory(directory: &Path) -> Self {
        let root = CertifiedIssuer::self_signed(authority("Root"), key()).unwrap();
        let intermediate = CertifiedIssuer::signed_by(authority("Intermediate"), key(), &root).unwrap();
        let leaf_key = key();
        let names = [OF_DYNAMODB, OF_SECRETS_MANAGER].map(|address| address.to_string());
        let leaf = CertificateParams::new(names).unwrap();
        let leaf = leaf.signed_by(&leaf_key, &intermediate).unwrap();

        let chain = vec![leaf.der().clone(), intermediate.der().clone()];
        let leaf_key = PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_protocol_versions(&[&TLS13])
            .with_no_client_auth()
            .with_single_cert(chain, leaf_key)
            .unwrap();
        Self {
            roots: Roots::write(directory, &root.pem()),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// Takes TLS off what comes to `at`, and passes it on.
    pub(crate) async fn in_front_of(&self, behind: SocketAddr, at: Ipv4Addr) -> SocketAddr {
        let listener = TcpListener::bind((at, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass_on(client, acceptor.clone(), behind));
            }
        });
        address
    }
}

impl Roots {
    fn write(directory: &Path, own: &str) -> Self {
        let system = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read_to_string(path).ok());
        let system = system.expect("the system keeps the roots it trusts where Debian or Fedora does");
        let roots = Self {
            all: directory.join("all.pem"),
            own: directory.join("own.pem"),
        };
        std::fs::write(&roots.all, system + own).unwrap();
        std::fs::write(&roots.own, own).unwrap();
        roots
    }
}

/// A client that goes away in the middle is a function that was ended: nobody's failure.
async fn pass_on(client: TcpStream, acceptor: TlsAcceptor, behind: SocketAddr) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(behind).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}
