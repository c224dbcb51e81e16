//! YCSB's property files as workloads: a phase `load` that writes the records and a phase `run` that works on them.
//!
//! The properties become the tree that the YAML of such a workload would be, each value at the place of its property, so that
//! every rule is checked as for YAML and what is wrong is told with the line of the property file. Records are stored as
//! YCSB's Redis binding does it: a hash of fields each, and a sorted set of all keys for scans. Keys are named by their numbers,
//! which YCSB calls `insertorder=ordered`. (Properties and their
//! defaults: B. F. Cooper et al., Benchmarking cloud serving systems with YCSB, SoCC 2010, and `CoreWorkload` of YCSB 0.17.)

use super::problem::{Place, Problem};
use super::properties::{self, Property};
use super::words;
use super::yaml::{Content, Node};

/// Properties that mean something here.
const MEANT: [&str; 29] = [
    "workload",
    "recordcount",
    "operationcount",
    "maxexecutiontime",
    "insertstart",
    "insertcount",
    "readallfields",
    "writeallfields",
    "readproportion",
    "updateproportion",
    "scanproportion",
    "insertproportion",
    "readmodifywriteproportion",
    "requestdistribution",
    "hotspotdatafraction",
    "hotspotopnfraction",
    "exponential.percentile",
    "exponential.frac",
    "fieldcount",
    "fieldlength",
    "minfieldlength",
    "fieldlengthdistribution",
    "minscanlength",
    "maxscanlength",
    "scanlengthdistribution",
    "zeropadding",
    "threadcount",
    "target",
    "insertorder",
];

/// Properties about YCSB itself, which change nothing of what is sent.
const ABOUT_YCSB: [&str; 13] = [
    "table",
    "db",
    "status.interval",
    "exporter",
    "exportfile",
    "measurementtype",
    "hdrhistogram.percentiles",
    "hdrhistogram.fileoutput",
    "hdrhistogram.output.path",
    "histogram.buckets",
    "timeseries.granularity",
    "measurement.interval",
    "measurement.raw.output_file",
];

/// The proportions, their defaults, and what they send.
const PROPORTIONS: [(&str, f64, &str); 5] = [
    ("readproportion", 0.95, "read"),
    ("updateproportion", 0.05, "update"),
    ("scanproportion", 0.0, "scan"),
    ("insertproportion", 0.0, "insert"),
    ("readmodifywriteproportion", 0.0, "read_modify_write"),
];

/// Adds a key to the sorted set that scans go by.
const INDEX: &str = "ZADD _indices {i} {key}";
/// So many more keys are kept for inserts than are expected, since their number is drawn.
const ROOM: f64 = 1.1;
const ROOM_LEAST: u64 = 100;

/// A workload read from properties, and what of them has no meaning here.
pub(super) struct Workload {
    pub(super) tree: Node,
    pub(super) notes: Vec<String>,
}

/// The workload that the property file `name` with this text describes. What is wrong is noted.
pub(super) fn read(name: &str, text: &str, problems: &mut Vec<Problem>) -> Workload {
    let mut reader = Reader {
        list: properties::read(text),
        problems,
        notes: Vec::new(),
    };
    reader.note_unknown(name, text);
    let tree = reader.workload();
    Workload {
        tree,
        notes: reader.notes,
    }
}

struct Reader<'a> {
    list: Vec<Property>,
    problems: &'a mut Vec<Problem>,
    notes: Vec<String>,
}

impl Reader<'_> {
    fn get(&self, name: &str) -> Option<&Property> {
        self.list.iter().find(|property| property.name == name)
    }

    /// Where a property stands; where it is left out, the begin of the file.
    fn place(&self, name: &str) -> Place {
        self.get(name)
            .map(|property| property.place)
            .unwrap_or_default()
    }

    fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.get(name)
            .map_or(default, |property| property.value.as_str())
    }

    /// A property that is a number; what else it is is a problem.
    fn number<T: std::str::FromStr>(&mut self, name: &str, default: T, wanted: &str) -> T {
        let Some(property) = self.get(name) else {
            return default;
        };
        match property.value.parse() {
            Ok(number) => number,
            Err(_) => {
                let message = format!("`{name}` is `{}`; wanted is {wanted}", property.value);
                self.problems.push(Problem::new(property.place, message));
                default
            }
        }
    }

    fn count(&mut self, name: &str, default: u64) -> u64 {
        self.number(name, default, "a whole number")
    }

    fn share(&mut self, name: &str, default: f64) -> f64 {
        let share = self.number(name, default, "a number such as 0.95");
        if !(0.0..=f64::MAX).contains(&share) {
            let place = self.place(name);
            self.problems.push(Problem::new(
                place,
                format!("`{name}` is {share}; it is 0 at the least"),
            ));
            return default;
        }
        share
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        self.number(name, default, "true or false")
    }

    /// One of several words; another is a problem.
    fn choice<'a>(&mut self, name: &str, default: &'a str, known: &[&'a str]) -> &'a str {
        let found = self.text(name, default).to_owned();
        match known.iter().find(|known| **known == found) {
            Some(known) => known,
            None => {
                let place = self.place(name);
                self.problems
                    .push(Problem::new(place, words::unknown(name, &found, known)));
                default
            }
        }
    }

    /// Tells what is left aside, as warnings are told.
    fn note_unknown(&mut self, file: &str, text: &str) {
        for property in &self.list {
            let name = property.name.as_str();
            if MEANT.contains(&name) || ABOUT_YCSB.contains(&name) {
                continue;
            }
            let before = text.get(..property.name_place.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let meant = words::nearest(name, &MEANT);
            let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
            self.notes.push(format!(
                "{file}:{line}: the property `{name}` means nothing here and is left aside{meant}"
            ));
        }
    }

    fn workload(&mut self) -> Node {
        let class = self.text("workload", "CoreWorkload");
        if class.rsplit('.').next() != Some("CoreWorkload") {
            let message = format!(
                "the workload class `{class}` is not known; known is site.ycsb.workloads.CoreWorkload"
            );
            let place = self.place("workload");
            self.problems.push(Problem::new(place, message));
        }
        let records = self.records();
        let phases = vec![self.load_phase(&records), self.run_phase(&records)];
        let pairs = [
            ("keys", self.keys(&records)),
            ("values", self.values()),
            ("phases", list(phases)),
        ];
        map(pairs)
    }

    /// How many records there are, and may be.
    fn records(&mut self) -> Records {
        if self.get("recordcount").is_none() {
            let message = "`recordcount` is missing; write how many records there are, as in recordcount=1000";
            self.problems.push(Problem::new(Place::default(), message));
        }
        let count = self.count("recordcount", 1).max(1);
        let operations = self.count("operationcount", 0);
        let shares = self.proportions();
        let inserts = shares.iter().find(|(_, _, sent)| *sent == "insert");
        let expected = inserts.map_or(0.0, |(_, share, _)| share * operations as f64);
        let room = if inserts.is_some() {
            (expected * ROOM) as u64 + ROOM_LEAST
        } else {
            0
        };
        Records {
            count,
            keys: count.saturating_add(room),
            shares,
        }
    }

    /// Property, share and operation of all that is sent; together they are 1.
    fn proportions(&mut self) -> Vec<(&'static str, f64, &'static str)> {
        let mut list: Vec<(&str, f64, &str)> = PROPORTIONS
            .iter()
            .map(|(name, default, sent)| (*name, self.share(name, *default), *sent))
            .filter(|(_, share, _)| *share > 0.0)
            .collect();
        let sum: f64 = list.iter().map(|(_, share, _)| share).sum();
        if sum == 0.0 {
            let message = "all proportions are 0, so that nothing would be sent";
            self.problems
                .push(Problem::new(self.place("readproportion"), message));
        }
        list.iter_mut().for_each(|(_, share, _)| *share /= sum);
        list
    }

    /// Numbers, spelt as YCSB spells its keys in order.
    fn keys(&mut self, records: &Records) -> Node {
        let padding = self.number::<u8>("zeropadding", 1, "a number of digits");
        let name = format!("user{{i:0{padding}}}");
        let order = self.choice("insertorder", "ordered", &["ordered", "hashed"]);
        if order == "hashed" {
            let note = "insertorder=hashed: keys are named by their numbers here, as user17, and not by hashes of 20 digits";
            self.notes.push(note.to_owned());
        }
        map([
            ("name", scalar(self.place("zeropadding"), name)),
            (
                "count",
                scalar(self.place("recordcount"), records.keys.to_string()),
            ),
        ])
    }

    fn values(&mut self) -> Node {
        let most = self.count("fieldlength", 100);
        let least = self.count("minfieldlength", 1);
        let known = ["constant", "uniform", "zipfian", "histogram"];
        let place = self.place("fieldlength");
        let size = |size: u64| scalar(place, format!("{size}b"));
        match self.choice("fieldlengthdistribution", "constant", &known) {
            "constant" => map([("fixed", size(most))]),
            drawn => {
                self.note_instead("fieldlengthdistribution", drawn);
                map([("uniform", map([("min", size(least)), ("max", size(most))]))])
            }
        }
    }

    fn note_instead(&mut self, name: &str, drawn: &str) {
        if drawn != "uniform" {
            self.notes
                .push(format!("{name}={drawn} is drawn as uniform here"));
        }
    }

    fn load_phase(&mut self, records: &Records) -> Node {
        let fields = self.count("fieldcount", 10);
        let insert = map([
            (
                "send",
                scalar(
                    self.place("fieldcount"),
                    format!("HSET {{key}} {{fields:{fields}}}"),
                ),
            ),
            ("then", plain(INDEX)),
        ]);
        let start = self.count("insertstart", 0);
        let count = self.count("insertcount", records.count.saturating_sub(start));
        let range = format!("{start}..{}", start.saturating_add(count));
        let settings = vec![
            ("name", plain("load")),
            ("keys", scalar(self.place("insertcount"), range)),
            ("operations", map([("insert", insert)])),
            ("clients", self.clients()),
        ];
        map([("save", map(settings))])
    }

    fn clients(&mut self) -> Node {
        scalar(self.place("threadcount"), self.text("threadcount", "1"))
    }

    fn run_phase(&mut self, records: &Records) -> Node {
        let operations = records
            .shares
            .iter()
            .map(|(property, share, sent)| (*sent, self.operation(property, *share, sent)));
        let operations = map(operations.collect::<Vec<_>>());
        let mut settings = vec![
            ("name", plain("run")),
            ("keys", self.distribution(records)),
            ("operations", operations),
            ("clients", self.clients()),
            self.extent(),
        ];
        if let Some(target) = self.get("target") {
            settings.push(("rate", scalar(target.place, format!("{}/s", target.value))));
        }
        map([("mix", map(settings))])
    }

    fn extent(&mut self) -> (&'static str, Node) {
        match (self.get("operationcount"), self.get("maxexecutiontime")) {
            (None, Some(seconds)) => ("for", scalar(seconds.place, format!("{}s", seconds.value))),
            (Some(count), _) => ("count", scalar(count.place, count.value.clone())),
            (None, None) => {
                let message = "`operationcount` is missing; write how many requests are sent, as in operationcount=1000";
                self.problems.push(Problem::new(Place::default(), message));
                ("count", plain("1"))
            }
        }
    }

    fn operation(&mut self, property: &str, share: f64, sent: &str) -> Node {
        let place = self.place(property);
        let fields = self.count("fieldcount", 10);
        let read = if self.flag("readallfields", true) {
            "HGETALL {key}".to_owned()
        } else {
            format!("HGET {{key}} {{field:0..{fields}}}")
        };
        let update = if self.flag("writeallfields", false) {
            format!("HSET {{key}} {{fields:{fields}}}")
        } else {
            format!("HSET {{key}} {{field:0..{fields}}} {{value}}")
        };
        let mut settings = vec![("share", scalar(place, share.to_string()))];
        let send = |text: String| ("send", scalar(place, text));
        match sent {
            "read" => settings.push(send(read)),
            "update" => settings.push(send(update)),
            "scan" => settings.push(send(self.scan())),
            "insert" => settings.extend([
                send(format!("HSET {{key}} {{fields:{fields}}}")),
                ("key", plain("new")),
                ("then", plain(INDEX)),
            ]),
            _ => settings.extend([send(read), ("then", scalar(place, update))]),
        }
        map(settings)
    }

    fn scan(&mut self) -> String {
        let least = self.count("minscanlength", 1);
        let end = self.count("maxscanlength", 1000).saturating_add(1);
        let drawn = self.choice("scanlengthdistribution", "uniform", &["uniform", "zipfian"]);
        self.note_instead("scanlengthdistribution", drawn);
        format!("ZRANGEBYSCORE _indices {{i}} +inf LIMIT 0 {{number:{least}..{end}}}")
    }

    fn distribution(&mut self, records: &Records) -> Node {
        const NAME: &str = "requestdistribution";
        let known = [
            "uniform",
            "zipfian",
            "latest",
            "hotspot",
            "exponential",
            "sequential",
        ];
        let place = self.place(NAME);
        let range = (
            "range",
            scalar(self.place("recordcount"), format!("0..{}", records.count)),
        );
        let (name, shares) = match self.choice(NAME, "uniform", &known) {
            "zipfian" => ("ycsb_zipfian", None),
            "hotspot" => (
                "hotspot",
                Some((("hotspotdatafraction", 0.2), ("hotspotopnfraction", 0.8))),
            ),
            "exponential" => (
                "exponential",
                Some((
                    ("exponential.frac", 0.857_142_857_1),
                    ("exponential.percentile", 95.0),
                )),
            ),
            other => (other, None),
        };
        let mut settings = vec![range];
        if let Some(((keys, of_keys), (requests, of_requests))) = shares {
            let (of_keys, mut of_requests) =
                (self.share(keys, of_keys), self.share(requests, of_requests));
            if requests.ends_with("percentile") {
                of_requests /= 100.0;
            }
            settings.push(("keys", scalar(self.place(keys), of_keys.to_string())));
            settings.push((
                "requests",
                scalar(self.place(requests), of_requests.to_string()),
            ));
        }
        let name = Node {
            place,
            content: Content::Scalar(name.to_owned()),
        };
        Node {
            place,
            content: Content::Map(vec![(name, map(settings))]),
        }
    }
}

/// The records and what is done with them.
struct Records {
    /// Written by `load`.
    count: u64,
    /// With those that are inserted.
    keys: u64,
    /// Property, share and operation.
    shares: Vec<(&'static str, f64, &'static str)>,
}

fn scalar(place: Place, text: impl Into<String>) -> Node {
    Node {
        place,
        content: Content::Scalar(text.into()),
    }
}

/// What no property says.
fn plain(text: &str) -> Node {
    scalar(Place::default(), text)
}

fn list(items: Vec<Node>) -> Node {
    Node {
        place: Place::default(),
        content: Content::List(items),
    }
}

fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    let pairs = pairs
        .into_iter()
        .map(|(key, value)| (scalar(value.place, key), value));
    Node {
        place: Place::default(),
        content: Content::Map(pairs.collect()),
    }
}
