//! TLS: what a connection checks and shows. Without the feature `tls` there is none, which is said when it is asked for.

#[cfg(feature = "tls")]
pub use with::{Connector, Encrypted};
#[cfg(not(feature = "tls"))]
pub use without::{Connector, Encrypted};

use std::io;

/// What is wrong with a handshake and what to do about it; none where `error` does not come from TLS.
pub(super) fn complaint(error: &io::Error) -> Option<String> {
    let text = error.to_string();
    let cures = [
        (
            "UnknownIssuer",
            "name the authority that signed the server's certificate: `tls: { ca: FILE }`",
        ),
        (
            "not valid for name",
            "connect by a name that is in the server's certificate, or say it: `tls: { server_name: NAME }`",
        ),
        ("Expired", "the server needs a new certificate"),
        ("expired", "the server needs a new certificate"),
        (
            "CertificateRequired",
            "the server wants to know us: `tls: { certificate: FILE, key: FILE }`",
        ),
        (
            "UnknownCA",
            "the server does not know who signed our certificate: is `tls: { certificate: FILE }` the right one?",
        ),
        (
            "corrupt message",
            "does this port speak TLS? `redis://` is for one that does not",
        ),
    ];
    let cure = cures
        .iter()
        .find(|(sign, _)| text.contains(sign))
        .map(|(_, cure)| *cure);
    match cure {
        Some(cure) => Some(format!("{text}; {cure}")),
        None if error.kind() == io::ErrorKind::InvalidData => Some(format!(
            "{text}; are certificates and keys of `tls` the right ones?"
        )),
        None => None,
    }
}

#[cfg(feature = "tls")]
mod with {
    use std::fmt;
    use std::io;
    use std::path::Path;
    use std::sync::Arc;

    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::client::danger::{
        HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
    };
    use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
    use tokio_rustls::rustls::{
        ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    };

    use crate::drive::Fault;
    use crate::workload::plan::{Authority, Identity, TlsSettings, Verification};

    /// Where systems keep the certificates of the authorities that they trust.
    const SYSTEM_BUNDLES: [&str; 4] = [
        // Debian, Ubuntu, Arch, Alpine.
        "/etc/ssl/certs/ca-certificates.crt",
        // Fedora, RHEL.
        "/etc/pki/tls/certs/ca-bundle.crt",
        // SUSE.
        "/var/lib/ca-certificates/ca-bundle.pem",
        // macOS, the BSDs.
        "/etc/ssl/cert.pem",
    ];

    /// An encrypted connection.
    pub type Encrypted = TlsStream<TcpStream>;

    /// Makes encrypted connections to one server.
    #[derive(Clone)]
    pub struct Connector {
        connector: TlsConnector,
        name: ServerName<'static>,
    }

    impl fmt::Debug for Connector {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Connector")
                .field("name", &self.name)
                .finish_non_exhaustive()
        }
    }

    impl Connector {
        /// Connections to `host` under `settings`, whose files are read now.
        ///
        /// # Errors
        ///
        /// Where a file cannot be read or holds something else, or a name is none.
        pub fn new(settings: &TlsSettings, host: &str) -> Result<Self, Fault> {
            let name = match settings.server_name.as_str() {
                "" => host,
                name => name,
            };
            let name = ServerName::try_from(name.to_owned()).map_err(|_| {
                Fault::Identity(format!("`{name}` cannot be the name of a TLS server; say another: `tls: {{ server_name: NAME }}`"))
            })?;
            let config = Arc::new(config(settings)?);
            Ok(Self {
                connector: TlsConnector::from(config),
                name,
            })
        }

        pub(in crate::drive) async fn connect(&self, stream: TcpStream) -> io::Result<Encrypted> {
            self.connector.connect(self.name.clone(), stream).await
        }
    }

    fn config(settings: &TlsSettings) -> Result<ClientConfig, Fault> {
        let unusable =
            |error: Error| Fault::Identity(format!("TLS cannot be used as it is set up: {error}"));
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match settings.verification {
            Verification::Full => builder.with_root_certificates(authorities(&settings.authority)?),
            Verification::None => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anyone(provider))),
        };
        match &settings.identity {
            Identity::None => Ok(builder.with_no_client_auth()),
            Identity::Files { certificate, key } => {
                let chain = certificates(certificate)?;
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
                builder.with_client_auth_cert(chain, key).map_err(unusable)
            }
        }
    }

    fn authorities(authority: &Authority) -> Result<RootCertStore, Fault> {
        let mut roots = RootCertStore::empty();
        let trusted = match authority {
            Authority::File(file) => certificates(file)?,
            Authority::System => system_certificates(),
        };
        roots.add_parsable_certificates(trusted);
        if roots.is_empty() {
            return Err(Fault::Identity(
                "this system trusts no authority, so that no certificate can be checked; name one: `tls: { ca: FILE }`".to_owned(),
            ));
        }
        Ok(roots)
    }

    /// The authorities that this system trusts, from the first of the usual files that there is.
    fn system_certificates() -> Vec<CertificateDer<'static>> {
        SYSTEM_BUNDLES
            .iter()
            .find_map(|file| certificates(Path::new(file)).ok())
            .unwrap_or_default()
    }

    fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
        let read =
            CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match read {
            Ok(found) if found.is_empty() => Err(Fault::Identity(format!(
                "{} holds no certificate; it must be a PEM file",
                file.display()
            ))),
            Ok(found) => Ok(found),
            Err(error) => Err(unreadable(file, &error)),
        }
    }

    fn unreadable(file: &Path, error: &dyn fmt::Display) -> Fault {
        Fault::Identity(format!(
            "cannot use {}: {error}; it must be a PEM file that can be read from here",
            file.display()
        ))
    }

    /// Takes anyone for the server, because the workload says `verify: none`. Signatures are still checked: the peer owns
    /// the certificate that it shows.
    #[derive(Debug)]
    struct Anyone(Arc<CryptoProvider>);

    impl ServerCertVerifier for Anyone {
        fn verify_server_cert(
            &self,
            _end_entity: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _server_name: &ServerName<'_>,
            _ocsp_response: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            tokio_rustls::rustls::crypto::verify_tls12_signature(
                message,
                certificate,
                signature,
                algorithms,
            )
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            tokio_rustls::rustls::crypto::verify_tls13_signature(
                message,
                certificate,
                signature,
                algorithms,
            )
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use std::io;

    use tokio::net::TcpStream;

    use crate::drive::Fault;
    use crate::workload::plan::TlsSettings;

    /// Never made: what it would be is a plain connection.
    pub type Encrypted = TcpStream;

    /// Never made.
    #[derive(Debug, Clone)]
    pub enum Connector {}

    impl Connector {
        /// Says that there is no TLS.
        ///
        /// # Errors
        ///
        /// Always.
        pub fn new(_settings: &TlsSettings, _host: &str) -> Result<Self, Fault> {
            Err(Fault::Identity(
                "this cachebench was built without TLS; build it with `--features tls`".to_owned(),
            ))
        }

        pub(in crate::drive) async fn connect(&self, _stream: TcpStream) -> io::Result<Encrypted> {
            match *self {}
        }
    }
}
