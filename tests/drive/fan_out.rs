//! Messages that are published: every delivery is accounted for, on the embedded server and on redis-server.

use cachebench::recording::model::{FanOutRecord, Recording};
use cachebench::runner::Event;
use cachebench::workload;

use crate::common::Server;
use crate::{Allow, assert_closed, phases, plan_for, run};

fn fan_out(recording: &Recording) -> &FanOutRecord {
    let record = phases(recording)[0].fan_out.as_ref();
    record.expect("messages were published")
}

/// All that were to come have come, in order, and each has its time.
fn assert_all_delivered(record: &FanOutRecord, published: u64, expected: u64) {
    assert_eq!((record.published, record.expected), (published, expected));
    assert_eq!((record.reached, record.delivered), (expected, expected));
    assert_eq!(
        (record.lost, record.out_of_order, record.foreign),
        (0, 0, 0)
    );
    assert_eq!(
        (record.delivery.count, record.transit.count),
        (expected, expected)
    );
    assert_eq!((record.disconnected, record.unanswered), (0, 0));
    assert!(record.delivery.mean_s >= record.transit.mean_s);
}

#[test]
fn every_message_comes_to_every_subscriber_of_its_channel() {
    let plan = workload::parse(
        "
keys: { count: 1 }
phases:
  - fan_out: { channels: 4, subscribers: 8, count: 2k, clients: 3, pipeline: 5 }
  - fan_out: { name: all, channels: 4, subscribers: 3, subscribe: pattern, values: { lognormal: { median: 40b, sigma: 2, max: 9kb } }, count: 500, rate: 5k/s }
  - fan_out: { name: shards, channels: 2, subscribe: shard, count: 200 }
expect: [ fan_out.lost == 0, all.delivered == 1500, fan_out.out_of_order == 0, all.delivery.p99 < 1h, fan_out.publish.operations == 2k ]
",
    );
    let mut heard = Vec::new();
    let recording = run(
        &plan.expect("a workload without flaws"),
        |event| match event {
            Event::PhaseBegan { .. } => heard.push(0),
            Event::Progress(progress) => {
                *heard.last_mut().unwrap() = progress.so_far.deliveries.count()
            }
            _ => {}
        },
    )
    .expect("a recording");
    let all = phases(&recording);
    // Whoever watched was told of all of them in the end.
    assert_eq!(heard, [4000, 1500, 200]);
    assert_all_delivered(fan_out(&recording), 2000, 4000);
    assert_all_delivered(all[1].fan_out.as_ref().expect("published"), 500, 1500);
    assert_all_delivered(all[2].fan_out.as_ref().expect("published"), 200, 200);
    all.iter().for_each(assert_closed);
    assert!(recording.expectations.iter().all(|verdict| verdict.held));
}

#[test]
fn redis_delivers_what_it_says_it_reached() {
    let Some(server) = crate::redis(&[]) else {
        return;
    };
    for protocol in ["resp2", "resp3"] {
        let mut plan = plan_for(
            &server,
            "
keys: { count: 1 }
phases: [ fan_out: { channels: 3, subscribers: 7, count: 3k, clients: 2, pipeline: 8 } ]
",
            Allow::Nothing,
        );
        if let (cachebench::workload::plan::Target::Endpoint(endpoint), "resp3") =
            (&mut plan.target, protocol)
        {
            endpoint.protocol = cachebench::workload::plan::Protocol::Resp3;
        }
        let recording = run(&plan, |_| ()).expect("a recording");
        let record = fan_out(&recording);
        assert_all_delivered(record, 3000, record.expected);
        // Seven subscribers of three channels: between two and three hear each message.
        assert!(
            (6000..=9000).contains(&record.expected),
            "{protocol}: {}",
            record.expected
        );
    }
}

/// Subscribers whose connections are cut hear no more, and what they should have heard is counted as lost.
#[test]
fn a_subscriber_that_is_cut_off_loses_the_rest() {
    let Some(server) = crate::redis(&[]) else {
        return;
    };
    let plan = plan_for(
        &server,
        "
keys: { count: 1 }
phases: [ fan_out: { channels: 2, subscribers: 4, count: 20k, rate: 10k/s } ]
",
        Allow::Nothing,
    );
    let mut was_cut = false;
    let recording = run(&plan, |event| {
        if let Event::Progress(progress) = event
            && progress.so_far.requests > 0
            && !was_cut
        {
            was_cut = true;
            cut_one_subscriber(&server);
        }
    })
    .expect("a recording");
    let record = fan_out(&recording);
    assert!(was_cut);
    assert_eq!((record.published, record.expected), (20_000, 40_000));
    assert_eq!(record.disconnected, 1);
    assert!(record.lost > 0, "{record:?}");
    assert_eq!(record.delivered + record.lost, record.expected);
    assert!(record.reached < record.expected && record.delivered <= record.reached);
    assert!(
        recording
            .warnings
            .iter()
            .any(|warning| warning.contains("1 subscriber lost")),
        "{:?}",
        recording.warnings
    );
}

/// Whether a message was published of which no reply came, nobody knows: its deliveries are counted apart, and none of the
/// others is called lost.
#[test]
fn what_becomes_of_messages_without_a_reply_is_told_apart() {
    let Some(server) = crate::redis(&[]) else {
        return;
    };
    let plan = plan_for(
        &server,
        "
keys: { count: 1 }
phases: [ fan_out: { channels: 2, subscribers: 5, count: 100k, clients: 3, pipeline: 50 } ]
",
        Allow::Nothing,
    );
    let recording = run(&plan, |event| {
        if let Event::Progress(progress) = event
            && progress.so_far.requests > 0
            && progress.so_far.counts.errors == 0
        {
            cut_publishers(&server);
        }
    })
    .expect("a recording");
    assert_closed(&phases(&recording)[0]);
    let record = fan_out(&recording);
    let disconnected = phases(&recording)[0].errors.get("disconnected");
    assert!(record.unanswered > 0);
    assert_eq!(disconnected, Some(&record.unanswered));
    assert_eq!((record.lost, record.disconnected), (0, 0));
    assert_eq!(
        record.expected + record.doubtful,
        record.delivered + record.lost + record.undetermined
    );
    assert_eq!(
        recording.warnings.iter().any(|one| one.contains("perhaps")),
        record.undetermined > 0,
        "{:?}",
        recording.warnings
    );
}

fn cut_publishers(server: &Server) {
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("normal");
    kill.exec(&mut server.connect()).expect("CLIENT KILL");
}

fn cut_one_subscriber(server: &Server) {
    let mut connection = server.connect();
    let mut list = redis::cmd("CLIENT");
    list.arg("LIST").arg("TYPE").arg("pubsub");
    let list: String = list.query(&mut connection).expect("CLIENT LIST");
    let id = list
        .split_whitespace()
        .find_map(|word| word.strip_prefix("id="))
        .expect("there are subscribers");
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("ID").arg(id);
    let killed: u64 = kill.query(&mut connection).expect("CLIENT KILL");
    assert_eq!(killed, 1);
}
