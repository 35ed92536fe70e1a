//! TLS 1.3 as rustls does it, with the algorithms that AWS and Meta use. What is not named here is not in the program.

use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use rustls::crypto::aws_lc_rs::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384};
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
use rustls::crypto::{CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{ClientConfig, Error, SignatureScheme};
use webpki::aws_lc_rs as verification;

use crate::authorities::Authorities;

/// What a client asks of a server.
pub(crate) fn config(authorities: &Authorities) -> ClientConfig {
    let provider = CryptoProvider {
        cipher_suites: vec![TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384],
        // The first holds against whoever records today what a quantum computer may read one day.
        kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1],
        signature_verification_algorithms: SIGNATURES,
        secure_random: &Random,
        key_provider: &NoKeys,
    };
    let verified = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map(|builder| builder.with_root_certificates(Arc::clone(&authorities.0)));
    #[expect(
        clippy::expect_used,
        reason = "at start-up: it depends on nothing but the lines above, and every test of TLS goes through them"
    )]
    verified
        .expect("the provider has suites and groups of TLS 1.3")
        .with_no_client_auth()
}

/// What servers and authorities sign with: curves and RSA.
static SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        verification::ECDSA_P256_SHA256,
        verification::ECDSA_P256_SHA384,
        verification::ECDSA_P384_SHA256,
        verification::ECDSA_P384_SHA384,
        verification::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        verification::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        verification::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        verification::RSA_PKCS1_2048_8192_SHA256,
        verification::RSA_PKCS1_2048_8192_SHA384,
        verification::RSA_PKCS1_2048_8192_SHA512,
    ],
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[verification::ECDSA_P256_SHA256, verification::ECDSA_P384_SHA256],
        ),
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[verification::ECDSA_P384_SHA384, verification::ECDSA_P256_SHA384],
        ),
        (
            SignatureScheme::RSA_PSS_SHA256,
            &[verification::RSA_PSS_2048_8192_SHA256_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA384,
            &[verification::RSA_PSS_2048_8192_SHA384_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA512,
            &[verification::RSA_PSS_2048_8192_SHA512_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA256,
            &[verification::RSA_PKCS1_2048_8192_SHA256],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA384,
            &[verification::RSA_PKCS1_2048_8192_SHA384],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA512,
            &[verification::RSA_PKCS1_2048_8192_SHA512],
        ),
    ],
};

/// The system's randomness, by way of the library that all else of TLS is done with.
#[derive(Debug)]
struct Random;

impl SecureRandom for Random {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        SystemRandom::new().fill(bytes).map_err(|_| GetRandomFailed)
    }
}

/// A client shows no certificate of its own, so there is no key to load.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("a client has no key".to_owned()))
    }
}
