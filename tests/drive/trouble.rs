//! Servers that stall, die or are not there, and users who change their minds.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use cachebench::recording::model::{Outcome, Recording};
use cachebench::runner::{self, Event, Interrupt};
use cachebench::workload;
use cachebench::workload::plan::{Address, Directive, Target};

use crate::common::{Server, program_or_skip};
use crate::{Allow, Each, assert_closed, phases, plan_for, redis, run};

const OPEN: &str = "
name: trouble
keys: { count: 1000 }
phases:
  - save: { keys: all, pipeline: 10 }
  - mix: { for: 3s, rate: 5k/s, clients: 50, operations: get, pipeline: 200 }
";

fn signal(process: &str, name: &str) {
    let status = Command::new("kill")
        .args([name, process])
        .status()
        .expect("kill");
    assert!(status.success());
}

/// Whether the load of the second phase is under way.
fn is_midway(phase: usize, event: &Event<'_>) -> bool {
    phase == 1 && matches!(event, Event::Progress(progress) if progress.elapsed_s > 0.5)
}

/// Requests due while the server stands still wait for it, each from its own due time. Of 30,000 requests in six seconds
/// the hundredth part is 300, those that fall into the first 60 ms of the stop: the 99th percentile is the stop less
/// those.
#[test]
fn a_stall_shows_in_the_percentiles_of_all_requests_that_were_due() {
    let Some(server) = redis(&[]) else { return };
    let id = server.info("process_id").to_string();
    let kill = |name: &str| signal(&id, name);
    let (mut phase, mut stopped_at, mut stopped) = (0, None::<Instant>, Duration::ZERO);
    let plan = plan_for(&server, &OPEN.replace("3s", "6s"), Allow::Nothing);
    let recording = run(&plan, |event| {
        if let Event::PhaseBegan { phase: begun, .. } = event {
            phase = begun;
        }
        match stopped_at {
            None if is_midway(phase, &event) => {
                kill("-STOP");
                stopped_at = Some(Instant::now());
            }
            Some(at) if stopped.is_zero() && at.elapsed() > Duration::from_millis(1_010) => {
                stopped = at.elapsed();
                kill("-CONT");
            }
            _ => {}
        }
    })
    .expect("a recording");
    let mix = &phases(&recording)[1];
    assert_closed(mix);
    assert_eq!(
        (mix.due, mix.operations, mix.in_flight),
        (30_000, 30_000, 0)
    );
    // On a busy machine the stop is longer for all alike.
    let expected_s = mix.latency.max_s - 0.06;
    let p99_s = mix.latency.percentiles_s["99"];
    assert!(
        (p99_s / expected_s - 1.0).abs() < 0.05,
        "{stopped:?}: {mix:#?}"
    );
    assert!(mix.latency.max_s >= 1.0, "{stopped:?}: {mix:#?}");
    let idle = recording.cells[0].repetitions[0]
        .timeline
        .iter()
        .filter(|interval| interval.phase == 1);
    let idle_s: f64 = idle
        .filter(|interval| interval.operations == 0)
        .map(|interval| interval.length_s)
        .sum();
    assert!(
        idle_s > 0.9 * stopped.as_secs_f64(),
        "the stall is a gap of {idle_s} s in the timeline"
    );
}

/// While a server stands still its clients have no place for what falls due: that is the server's fault and no lateness.
#[test]
fn requests_that_wait_for_a_place_are_not_late() {
    let Some(server) = redis(&[]) else { return };
    let id = server.info("process_id").to_string();
    let plan = plan_for(
        &server,
        &OPEN.replace("pipeline: 200", "pipeline: 1"),
        Allow::Nothing,
    );
    let (mut phase, mut stopped) = (0, None::<Instant>);
    let recording = run(&plan, |event| {
        if let Event::PhaseBegan { phase: begun, .. } = event {
            phase = begun;
        }
        match stopped {
            None if is_midway(phase, &event) => {
                signal(&id, "-STOP");
                stopped = Some(Instant::now());
            }
            Some(at) if at.elapsed() > Duration::from_millis(500) => signal(&id, "-CONT"),
            _ => {}
        }
    })
    .expect("a recording");
    let mix = &phases(&recording)[1];
    assert_closed(mix);
    // 5,000 a second for half a second, less the first of each client.
    assert!(mix.queued >= 2_400, "{mix:#?}");
    let lateness = mix.lateness.as_ref().expect("an open loop");
    assert_eq!(lateness.count, mix.due);
    assert!(
        lateness.percentiles_s["99"] < 0.5 * mix.latency.percentiles_s["99"],
        "{mix:#?}"
    );
    let told = recording
        .warnings
        .iter()
        .filter(|warning| warning.contains("waited for a connection"));
    assert_eq!(told.count(), 1, "{:?}", recording.warnings);
}

/// Calls `act` once when the load of the second phase is under way.
fn midway(mut act: impl FnMut()) -> impl FnMut(Event<'_>) {
    let (mut phase, mut is_done) = (0, false);
    move |event| {
        if let Event::PhaseBegan { phase: begun, .. } = event {
            phase = begun;
        }
        if is_midway(phase, &event) && !is_done {
            is_done = true;
            act();
        }
    }
}

#[test]
fn what_was_measured_before_the_server_died_is_kept() {
    let Some(mut server) = redis(&[]) else { return };
    let mut plan = plan_for(&server, OPEN, Allow::Nothing);
    plan.timeouts.unreachable = Duration::from_millis(300);
    let recording = run(&plan, midway(|| server.kill())).expect("a recording");
    let Outcome::Failed(why) = &recording.outcome else {
        panic!("{:?}", recording.outcome)
    };
    assert!(
        why.contains("`mix`")
            && why.contains("no reply for 300ms")
            && why.contains("is the server running"),
        "{why}"
    );
    let phases = phases(&recording);
    assert_eq!((phases.len(), phases[0].operations), (2, 1000));
    assert!(phases[1].operations > 1000);
    phases.iter().for_each(assert_closed);
    assert!(!recording.cells[0].repetitions[0].samples.is_empty());
}

/// A phase may come to its time before the server has been given up.
#[test]
fn a_server_that_is_gone_when_the_phase_ends_is_said_so() {
    let Some(mut server) = redis(&[]) else { return };
    let plan = plan_for(&server, OPEN, Allow::Nothing);
    let recording = run(&plan, midway(|| server.kill())).expect("a recording");
    let Outcome::Failed(why) = &recording.outcome else {
        panic!("{:?}", recording.outcome)
    };
    assert!(
        why.contains("`mix`")
            && why.contains("no reply for")
            && why.contains("is the server running"),
        "{why}"
    );
    phases(&recording).iter().for_each(assert_closed);
}

/// With no limit to how long connections are tried again, a run ends all the same once its own server has.
const WITHOUT_END: &str = "
name: trouble
timeouts: { unreachable: 1d }
keys: { count: 1000 }
phases:
  - save: { keys: all, pipeline: 10 }
  - mix: { for: 1d, rate: 5k/s, clients: 8, operations: get, pipeline: 20 }
";

fn assert_ended(recording: &Recording, words: &[&str]) {
    let Outcome::Failed(why) = &recording.outcome else {
        panic!("{:?}", recording.outcome)
    };
    for word in ["`mix`", "the server ended while it was driven"]
        .iter()
        .chain(words)
    {
        assert!(why.contains(word), "{word}: {why}");
    }
    assert!(phases(recording)[1].operations > 100);
    phases(recording).iter().for_each(assert_closed);
}

#[test]
fn a_server_of_ours_that_is_killed_is_noticed_and_quoted() {
    if program_or_skip("redis-server", "servers that are killed").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (program, id) = (folder.path().join("server"), folder.path().join("id"));
    let script = format!(
        "#!/bin/sh\necho $$ > {}\nexec redis-server \"$@\"\n",
        id.display()
    );
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let mut plan = workload::parse(WITHOUT_END).expect("a workload without flaws");
    plan.target = Target::Spawn { program };
    let kill = || {
        signal(
            std::fs::read_to_string(&id).expect("its number").trim(),
            "-KILL",
        )
    };
    let recording = run(&plan, midway(kill)).expect("a recording");
    assert_ended(
        &recording,
        &["signal: 9 (SIGKILL)", "its last words", "Ready to accept"],
    );
}

#[test]
fn an_embedded_server_that_shuts_down_is_noticed() {
    let shuts_down = WITHOUT_END.replace(
        "operations: get",
        "operations: { get: 99.9%, SHUTDOWN NOSAVE: 0.1% }",
    );
    let plan = workload::parse(&shuts_down).expect("a workload without flaws");
    let recording = run(&plan, |_| ()).expect("a recording");
    assert_ended(&recording, &["the embedded server has ended"]);
}

/// What falls due while there is no connection is sent once there is one.
#[test]
fn connections_that_break_are_made_again_and_nothing_that_was_due_is_forgotten() {
    let Some(server) = redis(&[]) else { return };
    let plan = plan_for(&server, OPEN, Allow::Nothing);
    let cut = || {
        let mut connection = server.connect();
        let killed = redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal"])
            .query::<u64>(&mut connection);
        assert!(killed.expect("CLIENT KILL") >= 50);
    };
    let recording = run(&plan, midway(cut)).expect("a recording");
    assert_eq!(recording.outcome, Outcome::Complete);
    let mix = &phases(&recording)[1];
    assert_closed(mix);
    assert_eq!((mix.due, mix.in_flight, mix.reconnects), (15_000, 0, 50));
    let cut = mix.errors.get("disconnected").copied().unwrap_or_default();
    assert_eq!(mix.operations, 15_000 - cut);
    let told = recording
        .warnings
        .iter()
        .any(|warning| warning.contains("50 connections were lost"));
    assert!(told, "{:?}", recording.warnings);
    let left: u64 = redis::cmd("DBSIZE")
        .query(&mut server.connect())
        .expect("DBSIZE");
    assert_eq!(left, 0, "our keys are taken away all the same");
}

#[test]
fn a_request_that_is_not_answered_in_time_is_an_error_of_that_age() {
    let Some(server) = redis(&[]) else { return };
    let mut plan = plan_for(&server, OPEN, Allow::Nothing);
    plan.timeouts.request = Duration::from_millis(200);
    let block = || {
        let mut connection = server.connect();
        let paused = redis::cmd("CLIENT")
            .arg(&["PAUSE", "600"])
            .exec(&mut connection);
        paused.expect("CLIENT PAUSE");
    };
    let recording = run(&plan, midway(block)).expect("a recording");
    assert_eq!(recording.outcome, Outcome::Complete);
    let mix = &phases(&recording)[1];
    assert_closed(mix);
    assert!(
        mix.reconnects >= 50 && mix.errors["timeout"] >= 50,
        "{mix:#?}"
    );
    assert!(mix.latency.max_s >= 0.2, "{mix:#?}");
}

/// The port of a server that is `server`, but takes a millisecond longer to answer.
fn slowed(server: &Server) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let (here, there) = (
        listener.local_addr().expect("its address").port(),
        server.port,
    );
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(("127.0.0.1", there)) else {
                return;
            };
            let back = (
                far.try_clone().expect("a clone"),
                near.try_clone().expect("a clone"),
            );
            thread::spawn(move || pass_on(near, far, Duration::ZERO));
            thread::spawn(move || pass_on(back.0, back.1, Duration::from_millis(1)));
        }
    });
    here
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(come @ 1..) = from.read(&mut bytes) {
        thread::sleep(delay);
        if to.write_all(&bytes[..come]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn a_server_that_is_slow_shows_in_the_median() {
    let Some(server) = redis(&[]) else { return };
    let mut plan = plan_for(
        &server,
        &OPEN.replace("for: 3s, rate: 5k/s", "count: 2k"),
        Allow::Nothing,
    );
    if let Target::Endpoint(endpoint) = &mut plan.target {
        let host = "127.0.0.1".to_owned();
        endpoint.address = Address::Tcp {
            host,
            port: slowed(&server),
        };
    }
    let recording = run(&plan, |_| ()).expect("a recording");
    let mix = &phases(&recording)[1];
    assert_closed(mix);
    assert!(mix.latency.percentiles_s["50"] >= 0.001, "{mix:#?}");
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let Some(server) = redis(&[]) else { return };
    let (interrupt, mut phase) = (Interrupt::new(), 0);
    let plan = plan_for(&server, &OPEN.replace("3s", "60s"), Allow::Nothing);
    let recording = runner::run(
        &plan,
        Vec::new(),
        &mut Each(|event: Event<'_>| {
            if let Event::PhaseBegan { phase: begun, .. } = event {
                phase = begun;
            }
            if is_midway(phase, &event) {
                interrupt.pull();
            }
        }),
        &interrupt,
    )
    .expect("a recording");
    assert_eq!(recording.outcome, Outcome::Interrupted);
    phases(&recording).iter().for_each(assert_closed);
    assert!(phases(&recording)[1].operations > 1000);
    let left: u64 = redis::cmd("DBSIZE")
        .query(&mut server.connect())
        .expect("DBSIZE");
    assert_eq!(left, 0, "our keys are taken away all the same");
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    let Some(mut server) = redis(&[]) else { return };
    let plan = plan_for(&server, OPEN, Allow::Nothing);
    server.kill();
    let error = run(&plan, |_| ()).expect_err("no server").to_string();
    assert!(
        error.contains("cannot connect to 127.0.0.1:") && error.contains("is the server running"),
        "{error}"
    );
}

#[test]
fn a_spawned_server_that_dies_is_quoted() {
    let Some(server) = redis(&[]) else { return };
    let mut plan = plan_for(&server, OPEN, Allow::Nothing);
    plan.target = Target::Spawn {
        program: "redis-server".into(),
    };
    plan.directives.push(Directive {
        name: "no-such-directive".into(),
        value: "1".into(),
    });
    let error = run(&plan, |_| ()).expect_err("no server").to_string();
    assert!(
        error.contains("`redis-server` did not come up") && error.contains("no-such-directive"),
        "{error}"
    );
}
