//! Whom to believe who a server is.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The authorities whose certificates count.
#[derive(Clone)]
pub struct Authorities(pub(crate) Arc<RootCertStore>);

/// The text holds no authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no certificates of authorities: write them one after the other in PEM")]
pub struct InvalidAuthorities;

impl Authorities {
    /// Those that Mozilla has in its browsers, as of when the function was built. Reading the system's list instead takes longer than all else that
    /// a function does until it asks for work.
    pub fn of_browsers() -> Self {
        Self(Arc::new(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        }))
    }

    /// Those in a file that somebody chose, such as a company's own.
    ///
    /// # Errors
    ///
    /// [`InvalidAuthorities`], if there is none in it, or something that is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidAuthorities> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| InvalidAuthorities)?;
            store.add(certificate).map_err(|_| InvalidAuthorities)?;
        }
        if store.is_empty() {
            return Err(InvalidAuthorities);
        }
        Ok(Self(Arc::new(store)))
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}
