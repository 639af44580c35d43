//! Section 3.4: what can be wrong with certificates and handshakes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::limits::Limits;
use hangup::connection::plan::Transport;
use hangup::connection::{Detail, Phase};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::harness::{assert_failure, failed, hang_up, hold, limits, plan, run, server};

/// A certificate authority of the tests.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// The one that our plans trust.
    pub(crate) fn ours() -> &'static Self {
        static OURS: OnceLock<Authority> = OnceLock::new();
        OURS.get_or_init(|| Self::new("ours"))
    }

    /// Names differ, or the verifier would take one for the other and find a bad signature.
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn root(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// Trusts this authority.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// Serves with a good certificate.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor_with(&certificate(), rustls::ALL_VERSIONS, None)
    }

    fn acceptor_with(
        &self,
        certificate: &CertificateParams,
        versions: &[&'static SupportedProtocolVersion],
        clients: Option<&Self>,
    ) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let chain = vec![certificate.signed_by(&key, &self.issuer).unwrap().der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.root()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
    }
}

pub(crate) const EXPIRES: i32 = 2048;

fn certificate() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(EXPIRES, 1, 1);
    params
}

/// What becomes of a handshake with `acceptor`.
async fn handshake(acceptor: TlsAcceptor) -> hangup::connection::Failure {
    let (address, script) = server(|tcp| async move {
        // The server may or may not notice that the client gave up.
        if let Ok(mut tls) = acceptor.accept(tcp).await {
            hold(&mut tls).await;
        }
    })
    .await;
    let reports = run(plan(Transport::Tls, address), limits()).await;
    script.joined().await;
    failed(&reports).clone()
}

async fn bad_certificate(certificate: CertificateParams, error: ErrorName) {
    let acceptor = Authority::ours().acceptor_with(&certificate, rustls::ALL_VERSIONS, None);
    assert_failure(&handshake(acceptor).await, Phase::Tls, error, Detail::None, RetryClass::Setup);
}

#[tokio::test]
async fn an_unknown_authority() {
    let failure = handshake(Authority::new("theirs").acceptor()).await;
    assert_failure(&failure, Phase::Tls, ErrorName::TlsUnknownRoot, Detail::None, RetryClass::Setup);
}

/// An authority that was made anew under its old name.
#[tokio::test]
async fn a_bad_signature() {
    let failure = handshake(Authority::new("ours").acceptor()).await;
    assert_failure(&failure, Phase::Tls, ErrorName::TlsBadCertificate, Detail::None, RetryClass::Setup);
}

#[tokio::test]
async fn another_name() {
    let params = CertificateParams::new(vec!["broker.example".to_owned()]).unwrap();
    bad_certificate(params, ErrorName::TlsHostNameMismatch).await;
}

#[tokio::test]
async fn no_name_but_the_one_in_its_subject() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "127.0.0.1");
    let acceptor = Authority::ours().acceptor_with(&params, rustls::ALL_VERSIONS, None);
    let failure = handshake(acceptor).await;
    let error = ErrorName::TlsHostNameMismatch;
    assert_failure(&failure, Phase::Tls, error, Detail::None, RetryClass::Setup);
    assert!(failure.message.contains("no subject alternative name (SAN)"), "{failure:?}");
}

/// Without our settings for files: whoever signed it, it is refused, and what to do is said.
#[tokio::test]
async fn an_authoritys_certificate_used_as_a_servers() {
    let mut params = certificate();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let failure = handshake(Authority::ours().acceptor_with(&params, rustls::ALL_VERSIONS, None)).await;
    assert_failure(&failure, Phase::Tls, ErrorName::TlsBadCertificate, Detail::None, RetryClass::Setup);
    assert!(failure.message.contains("name it in `ca_file`"), "{failure:?}");
}

#[tokio::test]
async fn an_expired_certificate() {
    let mut params = certificate();
    params.not_after = date_time_ymd(2021, 1, 1);
    bad_certificate(params, ErrorName::TlsCertificateExpired).await;
}

#[tokio::test]
async fn a_certificate_of_the_future() {
    let mut params = certificate();
    params.not_before = date_time_ymd(EXPIRES - 1, 1, 1);
    bad_certificate(params, ErrorName::TlsCertificateNotYetValid).await;
}

#[tokio::test]
async fn nobody_to_trust() {
    let (address, script) = server(|mut tcp| async move { hold(&mut tcp).await }).await;
    let mut plan = plan(Transport::Tls, address);
    plan.tls = None;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let failure = failed(&reports);
    assert_failure(failure, Phase::Tls, ErrorName::TlsNoRootCertificate, Detail::None, RetryClass::Setup);
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls() {
    let (address, script) = server(|mut tcp| async move {
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        hold(&mut tcp).await;
    })
    .await;
    let reports = run(plan(Transport::Tls, address), limits()).await;
    script.joined().await;
    let failure = failed(&reports);
    assert_failure(failure, Phase::Tls, ErrorName::TlsNegotiationFailure, Detail::None, RetryClass::Setup);
}

/// A TLS server answers what is no handshake with an alert, in the clear.
#[tokio::test]
async fn a_peer_that_speaks_tls_where_we_do_not() {
    for (transport, phase, error) in [
        (Transport::Tcp, Phase::Connack, ErrorName::PeerNotMqtt),
        (Transport::Ws, Phase::Websocket, ErrorName::WebsocketProtocolError),
    ] {
        let (address, script) = server(|mut tcp| async move {
            tcp.write_all(&[0x15, 3, 1, 0, 2, 2, 70]).await.unwrap();
            hold(&mut tcp).await;
        })
        .await;
        let reports = run(plan(transport, address), limits()).await;
        script.joined().await;
        let failure = failed(&reports);
        assert_failure(failure, phase, error, Detail::None, RetryClass::Setup);
        assert!(failure.message.contains("speaks TLS, and we do not on this connection"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_silent_handshake() {
    let (address, script) = server(|mut tcp| async move { hold(&mut tcp).await }).await;
    let limits = Limits { tls: Duration::from_millis(200), ..limits() };
    let reports = run(plan(Transport::Wss, address), limits).await;
    script.joined().await;
    assert_failure(failed(&reports), Phase::Tls, ErrorName::TlsTimeout, Detail::None, RetryClass::Network);
}

#[tokio::test]
async fn a_close_in_the_handshake() {
    let (address, script) = server(|mut tcp| async move { hang_up(&mut tcp).await }).await;
    let reports = run(plan(Transport::Tls, address), limits()).await;
    script.joined().await;
    assert_failure(failed(&reports), Phase::Tls, ErrorName::SocketClosed, Detail::Fin, RetryClass::Network);
}

/// 116 is `certificate_required`, which rustls sends with TLS 1.2 too.
#[tokio::test]
async fn a_client_certificate_that_we_do_not_have_tls_12() {
    let ours = Authority::ours();
    let acceptor = ours.acceptor_with(&certificate(), &[&rustls::version::TLS12], Some(ours));
    let failure = handshake(acceptor).await;
    let detail = Detail::Alert(116);
    assert_failure(&failure, Phase::Tls, ErrorName::TlsAlertReceived, detail, RetryClass::Setup);
}

/// With TLS 1.3 the client learns of it only after its own handshake is done.
#[tokio::test]
async fn a_client_certificate_that_we_do_not_have_tls_13() {
    for (transport, phase) in [(Transport::Tls, Phase::Connack), (Transport::Wss, Phase::Websocket)] {
        let ours = Authority::ours();
        let acceptor = ours.acceptor_with(&certificate(), &[&rustls::version::TLS13], Some(ours));
        let (address, script) =
            server(|tcp| async move { assert!(acceptor.accept(tcp).await.is_err()) }).await;
        let reports = run(plan(transport, address), limits()).await;
        script.joined().await;
        let detail = Detail::Alert(116);
        assert_failure(failed(&reports), phase, ErrorName::TlsAlertReceived, detail, RetryClass::Setup);
    }
}
