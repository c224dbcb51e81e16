//! Servers that are reached in other ways than by a bare TCP address: TLS, unix sockets, IPv6, passwords, RESP3.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cachebench::recording::model::Recording;
use cachebench::runner::RunError;
use cachebench::workload::{Overrides, load};

use crate::common::{Server, free_port, program_or_skip};
use crate::{assert_closed, phases, redis, run};

const LOAD: &str = "
keys: { count: 500 }
phases:
  - save: { keys: all, clients: 3, pipeline: 10 }
  - mix: { for: 200ms, rate: 5k/s, clients: 5, operations: { get: 90%, set: 10% } }
";

/// Runs [`LOAD`] on an endpoint with these settings.
fn run_on(endpoint: &str) -> Result<Recording, RunError> {
    let yaml = format!("target: {{ endpoint: {endpoint} }}\n{LOAD}");
    let plan = load("reach.yaml", &yaml, &Overrides::default());
    run(
        &plan.unwrap_or_else(|problems| panic!("{problems}")),
        |_| (),
    )
}

/// Runs [`LOAD`], which must come to its end with every request answered.
fn arrives(endpoint: &str) {
    let recording = run_on(endpoint).unwrap_or_else(|error| panic!("{endpoint}: {error}"));
    for phase in phases(&recording) {
        assert_closed(phase);
        assert!(
            phase.errors.is_empty() && phase.due == phase.operations,
            "{endpoint}: {phase:#?}"
        );
    }
    assert_eq!(
        phases(&recording)[1].hits + phases(&recording)[1].operations_by_kind["set"],
        1_000
    );
}

/// What the run on such an endpoint fails with.
fn refusal(endpoint: &str) -> String {
    run_on(endpoint).expect_err("a refusal").to_string()
}

#[test]
fn unix_sockets_and_ipv6() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("redis.sock");
    let Some(server) = redis(&[
        "--unixsocket",
        &socket.display().to_string(),
        "--bind",
        "127.0.0.1 -::1",
    ]) else {
        return;
    };
    arrives(&format!("{{ url: 'unix://{}?db=3' }}", socket.display()));
    if std::net::TcpStream::connect(("::1", server.port)).is_ok() {
        arrives(&format!("{{ url: 'redis://[::1]:{}/1' }}", server.port));
    } else {
        println!("SKIPPED: IPv6: this machine has no ::1");
    }
    let error = refusal(&format!("{{ url: 'unix://{}.gone' }}", socket.display()));
    assert!(
        error.contains("redis.sock.gone") && error.contains("is there such a socket"),
        "{error}"
    );
}

#[test]
fn users_passwords_and_protocols() {
    let Some(server) = redis(&[]) else { return };
    let at = |login: &str| format!("redis://{login}127.0.0.1:{}/2", server.port);
    let mut connection = server.connect();
    for (command, arguments) in [
        (
            "ACL",
            vec!["SETUSER", "ann", "on", ">word", "~*", "&*", "+@all"],
        ),
        ("CONFIG", vec!["SET", "requirepass", "secret"]),
    ] {
        let done = redis::cmd(command).arg(&arguments).exec(&mut connection);
        done.expect(command);
    }
    for login in ["ann:word@", ":secret@"] {
        for protocol in ["resp2", "resp3"] {
            arrives(&format!("{{ url: '{}', protocol: {protocol} }}", at(login)));
        }
    }
    let wrong = refusal(&format!("{{ url: '{}' }}", at("ann:wrong@")));
    assert!(
        wrong.contains("WRONGPASS") && wrong.contains("check the user and the password"),
        "{wrong}"
    );
    assert!(
        !wrong.contains("wrong@") && !wrong.contains(":wrong"),
        "{wrong}"
    );
    let none = refusal(&format!("{{ url: '{}' }}", at("")));
    assert!(
        none.contains("NOAUTH") && none.contains("password_env"),
        "{none}"
    );
    let database = refusal(&format!(
        "{{ url: '{}' }}",
        at("ann:word@").replace("/2", "/99")
    ));
    assert!(database.contains("number of the database"), "{database}");
}

#[test]
fn connections_have_a_name() {
    let Some(server) = redis(&[]) else { return };
    let endpoint = format!("{{ url: '{}', client_name: from-here }}", server.url());
    let yaml = format!(
        "target: {{ endpoint: {endpoint} }}\n{}",
        LOAD.replace("200ms", "1s")
    );
    let plan = load("reach.yaml", &yaml, &Overrides::default()).expect("a plan");
    let mut names = 0;
    run(&plan, |event| {
        if matches!(event, cachebench::runner::Event::Progress(_)) {
            let list: String = redis::cmd("CLIENT")
                .arg("LIST")
                .query(&mut server.connect())
                .expect("CLIENT LIST");
            names = names.max(list.matches("name=from-here").count());
        }
    })
    .expect("a recording");
    assert!(names >= 5, "{names}");
}

/// Certificates as an operator would make them.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn make() -> Option<Self> {
        program_or_skip("openssl", "TLS")?;
        let made = Self(tempfile::tempdir().expect("a folder"));
        for authority in ["ca", "other"] {
            made.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority} -keyout {authority}.key -out {authority}.crt"
            ));
        }
        std::fs::write(
            made.file("names"),
            "subjectAltName=DNS:localhost,DNS:cache.test",
        )
        .expect("a file");
        for name in ["server", "client"] {
            made.openssl(&format!(
                "req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ));
            made.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.crt"
            ));
        }
        Some(made)
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command
            .args(arguments.split(' '))
            .current_dir(self.folder());
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(
            status.expect("openssl runs").success(),
            "openssl {arguments}"
        );
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// `tls` settings with these files of ours.
    fn settings(&self, keys: &[(&str, &str)]) -> String {
        let folder = self.folder().display();
        let entries = keys
            .iter()
            .map(|(key, name)| format!("{key}: '{folder}/{name}'"));
        entries.collect::<Vec<_>>().join(", ")
    }
}

/// A redis-server that speaks TLS on the port given back, if this one can.
fn encrypted(certificates: &Certificates, clients: &str) -> Option<(Server, u16)> {
    let port = free_port();
    let file = |name: &str| certificates.file(name).display().to_string();
    let directives = [
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("server.crt"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &file("ca.crt"),
        "--tls-auth-clients",
        clients,
    ];
    Some((redis(&directives)?, port))
}

#[test]
fn tls_with_an_authority_of_ones_own() {
    let Some(certificates) = Certificates::make() else {
        return;
    };
    let Some((_server, port)) = encrypted(&certificates, "no") else {
        return;
    };
    let ca = certificates.settings(&[("ca", "ca.crt")]);
    let at =
        |host: &str, tls: &str| format!("{{ url: 'rediss://{host}:{port}', tls: {{ {tls} }} }}");
    arrives(&at("localhost", &ca));
    arrives(&at("127.0.0.1", &format!("{ca}, server_name: cache.test")));
    arrives(&at("127.0.0.1", "verify: none"));

    let name = refusal(&at("127.0.0.1", &ca));
    assert!(name.contains("server_name"), "{name}");
    let other = refusal(&at(
        "localhost",
        &certificates.settings(&[("ca", "other.crt")]),
    ));
    assert!(
        other.contains("UnknownIssuer") && other.contains("ca: FILE"),
        "{other}"
    );
    let system = refusal(&at("localhost", ""));
    assert!(system.contains("ca: FILE"), "{system}");
    let key = refusal(&at(
        "localhost",
        &certificates.settings(&[("ca", "ca.key")]),
    ));
    assert!(key.contains("ca.key holds no certificate"), "{key}");
}

#[test]
fn tls_with_certificates_for_clients() {
    let Some(certificates) = Certificates::make() else {
        return;
    };
    let Some((server, port)) = encrypted(&certificates, "yes") else {
        return;
    };
    let ca = certificates.settings(&[("ca", "ca.crt")]);
    let own = certificates.settings(&[
        ("ca", "ca.crt"),
        ("certificate", "client.crt"),
        ("key", "client.key"),
    ]);
    arrives(&format!(
        "{{ url: 'rediss://localhost:{port}', protocol: resp3, tls: {{ {own} }} }}"
    ));
    let unknown = refusal(&format!(
        "{{ url: 'rediss://localhost:{port}', tls: {{ {ca} }} }}"
    ));
    assert!(unknown.contains("certificate: FILE"), "{unknown}");
    let plain = refusal(&format!("{{ url: 'redis://localhost:{port}' }}"));
    assert!(plain.contains("rediss://"), "{plain}");
    let not_tls = refusal(&format!(
        "{{ url: 'rediss://localhost:{}', tls: {{ {own} }} }}",
        server.port
    ));
    assert!(not_tls.contains("does this port speak TLS"), "{not_tls}");
}
