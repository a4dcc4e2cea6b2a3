//! The command line.

use clap::{Parser, Subcommand, ValueEnum};
use marquee_recommender::serving::COUNT_MAX;
use std::{net::SocketAddr, path::PathBuf};

/// A video streaming platform that any team can run itself.
#[derive(Debug, Parser)]
#[command(name = "marquee", version, max_term_width = 110)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `marquee` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: database, API and pages, worker, edge, scheduler
    Up(Up),
    /// Run one or several roles against configured engines
    Serve(Serve),
    /// Encode a local film into HLS, without any service
    #[cfg(feature = "media")]
    Encode(Encode),
    /// Hold a package of HLS to the rules that players rely on
    Verify(Verify),
    /// Train, judge, deploy and explain what viewers may like next
    Recommend {
        /// What to do.
        #[command(subcommand)]
        action: RecommendAction,
    },
    /// Bring the database's schema up to date
    Migrate(ConfigFile),
    /// Look at the configuration
    Config {
        /// What to do with it.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Operate accounts from the shell
    Admin {
        /// What to do.
        #[command(subcommand)]
        action: AdminAction,
    },
    /// Reads one hostile source inside a sandbox; started by workers, not by people
    #[cfg(feature = "media")]
    #[command(hide = true)]
    Child,
}

/// Options of `marquee up`.
#[derive(Debug, clap::Args)]
pub(crate) struct Up {
    /// Folder that holds everything: database, films, keys
    #[arg(long, default_value = "data")]
    pub(crate) data: PathBuf,
    /// Address of the API and the pages
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Address of the edge
    #[arg(long)]
    pub(crate) edge_listen: Option<SocketAddr>,
    /// Configuration file
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

/// Options of `marquee serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Roles, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) role: Vec<Role>,
    /// Configuration file
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Only jobs of these kinds (worker)
    #[arg(long, value_delimiter = ',')]
    pub(crate) kinds: Vec<String>,
    /// Only jobs of these classes (worker)
    #[arg(long, value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// Jobs at a time (worker)
    #[arg(long)]
    pub(crate) slots: Option<u16>,
}

/// A part that a process can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// HTTP interface and pages
    Api,
    /// Background jobs
    Worker,
    /// CDN node
    Edge,
    /// Rings for due jobs, expires uploads; any number may run, one acts
    Scheduler,
}

/// Options of `marquee encode`.
#[cfg(feature = "media")]
#[derive(Debug, clap::Args)]
pub(crate) struct Encode {
    /// The film
    pub(crate) input: PathBuf,
    /// Folder to fill; it must be empty or absent
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Named set of encode choices
    #[arg(long, default_value = "standard")]
    pub(crate) recipe: String,
    /// How the rungs are chosen
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) ladder: Ladder,
    /// x264 preset instead of the recipe's
    #[arg(long)]
    pub(crate) preset: Option<String>,
    /// Processors to keep busy: a chunk or a sound track at a time, and one more for every two of them; all of the machine's by
    /// default
    #[arg(long)]
    pub(crate) threads: Option<u16>,
    /// How many pictures are judged, by VMAF and PSNR; as the recipe says by default
    #[arg(long, value_enum)]
    pub(crate) quality: Option<Quality>,
    /// Make a title of what is readable of a damaged film, however much is missing
    #[arg(long)]
    pub(crate) accept_damaged: bool,
    /// Subtitles beside the film (SRT, WebVTT, ASS or TTML) and their language, such as `words.srt:pt-BR`; may be given often
    #[arg(long, value_name = "FILE:LANGUAGE", value_parser = subtitle_file)]
    pub(crate) subtitles: Vec<(PathBuf, String)>,
    /// Protect the title with keys of its own
    #[arg(long, value_enum, requires = "keys")]
    pub(crate) protect: Option<Scheme>,
    /// New file that the keys of a protected title are written to, as a CPIX document
    #[arg(long, value_name = "FILE", requires = "protect")]
    pub(crate) keys: Option<PathBuf>,
    /// One key for all tracks, instead of one for sound and one for each class of picture
    #[arg(long, requires = "protect")]
    pub(crate) one_key: bool,
    /// Change keys after so many segments; older receivers of AirPlay, and Shaka Player by HLS, do not play that
    #[arg(long, requires = "protect", value_name = "SEGMENTS")]
    pub(crate) rotate: Option<std::num::NonZeroU32>,
    /// Print the plan as JSON and stop
    #[arg(long)]
    pub(crate) plan: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How samples are encrypted.
#[cfg(feature = "media")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scheme {
    /// AES-CBC, one block in ten of a picture: what all players know
    Cbcs,
    /// AES-CTR
    Cenc,
}

/// How the rungs of a ladder are chosen.
#[cfg(feature = "media")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ladder {
    /// By the quality that samples of the film are measured to have
    Auto,
    /// The recipe's heights, up to the source's size
    Fixed,
}

/// How many pictures are judged while a film is encoded.
#[cfg(feature = "media")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Quality {
    /// None
    Off,
    /// Two of each segment of the highest rung, and of every second segment of another in turn
    Sample,
    /// Every one, of all rungs
    Full,
}

/// Options of `marquee verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Folder or address of the package, or of its multivariant playlist
    #[arg(value_name = "DIR|URL")]
    pub(crate) package: String,
    /// Look at every sample, not only at the heads of boxes
    #[arg(long)]
    pub(crate) deep: bool,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A configuration file.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigFile {
    /// Configuration file
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

/// `marquee config …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Say what is wrong with it, or nothing
    Check(ConfigFile),
    /// Print it with all defaults, secrets hidden
    Show(ConfigFile),
}

/// `marquee admin …`
#[derive(Debug, Subcommand)]
pub(crate) enum AdminAction {
    /// Make an administrator, or make one of an account; its password is MARQUEE_ADMIN_PASSWORD, or made up and shown once
    Create {
        /// The account's e-mail
        email: String,
        /// Folder of a running `marquee up`, used when no database is configured
        #[arg(long, default_value = "data")]
        data: PathBuf,
        /// Configuration file
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Give an account a role: viewer, editor, publisher, operator or admin
    Grant {
        /// The account's e-mail
        email: String,
        /// The role
        role: String,
        /// Folder of a running `marquee up`, used when no database is configured
        #[arg(long, default_value = "data")]
        data: PathBuf,
        /// Configuration file
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

/// `marquee recommend …`
#[derive(Debug, Subcommand)]
pub(crate) enum RecommendAction {
    /// Train on what profiles did until now, and deploy what is better
    Train {
        #[command(flatten)]
        store: RecommendStore,
        /// Print the model's card as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the models that are kept; a star marks the one that answers
    Models {
        #[command(flatten)]
        store: RecommendStore,
        /// Print the whole card of one of them as JSON: what it was trained on, how, and what it was found to be worth
        #[arg(long)]
        id: Option<String>,
        /// Print their cards as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take the model that answers back, so that the one before answers again
    Rollback {
        #[command(flatten)]
        store: RecommendStore,
    },
    /// Let a model that is kept answer, even if it was taken back or found to be no better
    Deploy {
        /// The model, as `marquee recommend models` lists it
        #[arg(long)]
        id: String,
        #[command(flatten)]
        store: RecommendStore,
    },
    /// Print what a profile may like, as JSON
    Recommend {
        /// The profile, such as prf_…
        #[arg(long)]
        profile: String,
        /// Titles
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=COUNT_MAX as i64))]
        count: u16,
        /// Which row: top, trending, new, again, because:VIDEO, like:VIDEO or genre:GENRE
        #[arg(long)]
        row: Option<String>,
        #[command(flatten)]
        store: RecommendStore,
    },
    /// Print what each part of the model says of a title for a profile, as JSON
    Explain {
        /// The profile, such as prf_…
        #[arg(long)]
        profile: String,
        /// The title, such as vid_…
        #[arg(long)]
        title: String,
        #[command(flatten)]
        store: RecommendStore,
    },
    /// Say what came of an experiment: each variant beside the control, with intervals that hold whenever you look
    Report(RecommendReport),
    /// Judge all models on data of your own
    Evaluate(RecommendEvaluate),
}

/// Options of `marquee recommend report`.
#[derive(Debug, clap::Args)]
pub(crate) struct RecommendReport {
    /// Which experiment; all that was seen without it
    #[arg(long, value_name = "NAME", required_unless_present = "policy")]
    pub(crate) experiment: Option<String>,
    /// The variant that others are compared with; the configured control by default, or one that is called so
    #[arg(long, value_name = "VARIANT")]
    pub(crate) control: Option<String>,
    /// What was reported after this counts, such as 2026-03-01 or 2026-03-01T12:00:00Z; since the experiment began by default, or for
    /// 30 days
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// What is played more hours after it was seen was not played because of that
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=720))]
    pub(crate) within_hours: u16,
    /// Estimate besides what another choice would have been worth, of lists that nobody was shown
    #[arg(long, value_enum)]
    pub(crate) policy: Option<RecommendPolicy>,
    #[command(flatten)]
    pub(crate) store: RecommendStore,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A choice that nobody was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecommendPolicy {
    /// The deployed model, nothing left to chance
    Model,
    /// What many watch
    Popular,
}

/// Where models and events are.
#[derive(Debug, clap::Args)]
pub(crate) struct RecommendStore {
    /// Folder of a running `marquee up`, used when no database is configured
    #[arg(long, default_value = "data")]
    pub(crate) data: PathBuf,
    /// Configuration file
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

/// Options of `marquee recommend evaluate`.
#[derive(Debug, clap::Args)]
pub(crate) struct RecommendEvaluate {
    /// What is trained on: a table `user,item[,timestamp[,weight]]`, comma-separated or Parquet
    #[arg(long, value_name = "FILE")]
    pub(crate) train: PathBuf,
    /// What is relevant: a table of the same form
    #[arg(long, value_name = "FILE")]
    pub(crate) test: PathBuf,
    /// What is known of users that nothing is trained on: a table of the same form
    #[arg(long, value_name = "FILE")]
    pub(crate) given: Option<PathBuf>,
    /// Lengths of the lists, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "10,20")]
    pub(crate) k: Vec<usize>,
    /// What is ranked
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) protocol: RecommendProtocol,
    /// What relevant titles are ranked among: lines `(user,item)` and others, parted by tabs, or a table `user,item`; 99 are drawn
    /// without it
    #[arg(long, value_name = "FILE")]
    pub(crate) negatives: Option<PathBuf>,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How lists are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecommendProtocol {
    /// All titles that were not seen in training
    Full,
    /// The same, and what is relevant is the newest of each user
    LeaveLastOut,
    /// Each relevant title among some others
    Sampled99,
}

/// A file and the language behind its last colon.
#[cfg(feature = "media")]
fn subtitle_file(text: &str) -> Result<(PathBuf, String), String> {
    match text.rsplit_once(':') {
        Some((file, language)) if !file.is_empty() && !language.is_empty() => Ok((file.into(), language.to_owned())),
        _ => Err("a file and its language are expected, such as words.srt:en".into()),
    }
}
