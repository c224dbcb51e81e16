//! `cachebench cluster`: a local cluster, formed and ready, until Ctrl-C.

use std::path::PathBuf;

use comfy_table::{Table, TableStyle};
use embedded_server::embedded_cluster::{ClusterOptions, EmbeddedCluster, NodeView};

use schemars::JsonSchema;
use serde::Serialize;

use super::format::Format;
use super::{Exit, interrupt, terminal};

/// Arguments of `cachebench cluster`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How many masters share the 16384 slots
    #[arg(long, default_value_t = 3)]
    masters: usize,
    /// How many replicas each master has
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// The first node's port; the others follow, and each node's bus is 10000 above its port. 0 for free ports
    #[arg(long, default_value_t = 7000)]
    port: u16,
    /// Where nodes keep what they know of their cluster; a temporary folder unless given
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// A directive for every node, as redis.conf has it: --set cluster-node-timeout=5000
    #[arg(long, value_name = "DIRECTIVE=VALUE", value_parser = directive)]
    set: Vec<(String, String)>,
    #[command(flatten)]
    format: Format,
}

/// The schema of the JSON form.
const SCHEMA: &str = "cachebench.cluster/1";

/// What is printed as JSON once the cluster is ready; it then runs until it is stopped.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Formed {
    /// `cachebench.cluster/1`.
    schema: String,
    /// In the order of their ports.
    nodes: Vec<Node>,
}

/// A node of it.
#[derive(Debug, Serialize, JsonSchema)]
struct Node {
    /// Where it listens: `127.0.0.1:7000`.
    address: String,
    /// The address of its master; absent for a master.
    master: Option<String>,
    /// The slots it serves, as ranges: `0-5460`; empty for a replica.
    slots: String,
}

impl Formed {
    fn of(nodes: &[NodeView]) -> Self {
        let master = |node: &NodeView| {
            let found = nodes.iter().find(|other| Some(other.id) == node.master);
            found.map(|master| master.address.to_string())
        };
        let node = |node: &NodeView| Node {
            address: node.address.to_string(),
            master: master(node),
            slots: node.slots.to_string(),
        };
        Self {
            schema: SCHEMA.to_owned(),
            nodes: nodes.iter().map(node).collect(),
        }
    }
}

fn directive(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write DIRECTIVE=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Starts the cluster and shows it, then waits for Ctrl-C or SIGTERM.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let temporary = tempfile::tempdir()?;
    let folder = arguments
        .folder
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    let options = ClusterOptions {
        masters: arguments.masters,
        replicas: arguments.replicas,
        port: arguments.port,
        directives: arguments.set.clone(),
        ..ClusterOptions::in_folder(folder)
    };
    let cluster = EmbeddedCluster::start(&options)?;
    let nodes: Vec<NodeView> = cluster.views().into_iter().flatten().collect();
    if arguments.format.is_json() {
        arguments.format.print(&Formed::of(&nodes))?;
    } else {
        terminal::result(&table(&nodes))?;
    }
    terminal::note("ready; Ctrl-C ends it");
    interrupt::wait_for_signal()?;
    Ok(Exit::Done)
}

fn table(nodes: &[NodeView]) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header(["node", "address", "role", "slots"]);
    for (number, node) in nodes.iter().enumerate() {
        let master = nodes.iter().position(|other| Some(other.id) == node.master);
        let role = master.map_or_else(
            || "master".to_owned(),
            |master| format!("replica of {master}"),
        );
        table.add_row([
            number.to_string(),
            node.address.to_string(),
            role,
            node.slots.to_string(),
        ]);
    }
    table.to_string()
}
