//! `cachebench cluster`: a local cluster, formed and ready, until Ctrl-C.

use std::path::PathBuf;

use comfy_table::{Table, TableStyle};
use embedded_server::embedded_cluster::{ClusterOptions, EmbeddedCluster, NodeView};

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
    terminal::result(&table(&nodes))?;
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
