//! Cases side by side; what failed is looked at alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::case::{Case, Played, Traffic};
use super::class::Class;
use super::draw::draw;
use super::errand;
use super::finding::{Finding, Key};
use super::known::Known;
use super::shape::{requirement, shape};
use super::swarm::BATCH;
use super::{Options, Watcher};
use crate::campaign::{Calibration, Introduction, Process, Stoppable, Unfit, calibrate, measure, measure_client};
use crate::framing::Framing;
use crate::fuzzing::{Act, Plan, scenario_of};
use crate::oracle::{Breach, Level, habitual as habitual_breach, requirement as requirement_named};
use crate::session::Usage;
use crate::transport::Transport;

/// So many plans that were answered in a new way are kept.
const CORPUS: usize = 512;

/// How long nothing is begun when we have run out of ports or descriptors.
const RECOVERY: Duration = Duration::from_secs(1);

/// Longer pauses are sleep, in the encoding of a plan: about ten milliseconds.
const SLEEP: u8 = 70;

/// A small plan has no more messages than this, and no more moves.
const SMALL: usize = 24;

/// What is learned from a batch of cases is used so many batches later, so that nobody waits for the slowest of them.
const LAG: u64 = 16;

/// What fails once more in a way that could not be confirmed so often is only counted.
const FLAKY: u32 = 3;

/// What fuzzing one framing has brought.
#[derive(Debug)]
pub struct Hunted {
    /// What was measured first, or why nothing could be.
    pub calibration: Result<Calibration, Unfit>,
    /// Confirmed failures, no two alike.
    pub findings: Vec<Finding>,
    /// Cases that were played.
    pub cases: u64,
    /// Kinds of behaviour that were seen.
    pub behaviours: usize,
    /// Failures like one that was found already.
    pub again: u64,
    /// Failures that did not come again.
    pub unconfirmed: u64,
    /// Failures that a right server would show, too, whatever of what was measured it is told.
    pub unexplained: u64,
    /// Cases of which nothing can be said.
    pub open: u64,
    /// What went over the network.
    pub traffic: Traffic,
    /// The target no longer answers.
    pub dead: bool,
}

impl Hunted {
    fn new(calibration: Result<Calibration, Unfit>) -> Self {
        let (findings, traffic) = (Vec::new(), Traffic::default());
        Self {
            calibration,
            findings,
            cases: 0,
            behaviours: 0,
            again: 0,
            unconfirmed: 0,
            unexplained: 0,
            open: 0,
            traffic,
            dead: false,
        }
    }

    fn of(calibration: Calibration, search: Search) -> Self {
        Self {
            findings: search.findings,
            cases: search.begun,
            behaviours: search.classes.len(),
            again: search.again,
            unconfirmed: search.unconfirmed,
            unexplained: search.unexplained,
            open: search.open,
            traffic: search.traffic,
            dead: search.dead,
            ..Self::new(Ok(calibration))
        }
    }
}

/// A case that failed, and by what.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) number: u64,
    pub(super) case: Case,
    pub(super) breach: Breach,
}

/// Everything that playing a case needs.
pub(super) struct Fuzzer<'a, T, W> {
    pub(super) transport: &'a T,
    pub(super) watcher: &'a W,
    pub(super) process: Option<&'a dyn Process>,
    pub(super) known: &'a Known,
    pub(super) options: &'a Options,
}

/// Looks for failures of a target under one framing, until enough are found, all cases are played, or the watcher says so.
pub async fn hunt<T: Transport, W: Watcher>(
    transport: &T,
    watcher: &W,
    process: Option<&dyn Process>,
    framing: &Framing,
    options: &Options,
) -> Hunted {
    let transport = &Stoppable { transport, watcher };
    watcher.phase("measuring the target", 0);
    let mut calibration = match calibrate(transport, process, framing, options.time_scale).await {
        Ok(calibration) => calibration,
        Err(unfit) => return Hunted { findings: mute(&unfit, framing), ..Hunted::new(Err(unfit)) },
    };
    measure(transport, framing, &mut calibration, options.largest as u64).await;
    let known = Known::new(framing, &calibration, options.largest);
    let fuzzer = Fuzzer { transport, watcher, process, known: &known, options };
    let mut search = Search::default();
    watcher.begun(options.cases);
    if calibration.died_of.is_some() {
        fuzzer.dead_before(&mut search).await;
    } else {
        fuzzer.fuzz(&mut search).await;
    }
    Hunted::of(calibration, search)
}

/// The same for a client: the transport starts it once a session and accepts its connections.
pub async fn hunt_client<T: Transport, W: Watcher>(
    transport: &T,
    watcher: &W,
    framing: &Framing,
    introduction: Introduction,
    options: &Options,
) -> Hunted {
    let transport = &Stoppable { transport, watcher };
    watcher.phase("measuring the client", 0);
    let largest = options.largest as u64;
    let calibration = match measure_client(transport, framing, introduction, options.time_scale, largest).await {
        Ok(calibration) => calibration,
        Err(unfit) => return Hunted { findings: mute(&unfit, framing), ..Hunted::new(Err(unfit)) },
    };
    let known = Known::of_client(framing, &calibration, options.largest);
    let fuzzer = Fuzzer { transport, watcher, process: None, known: &known, options };
    let mut search = Search { findings: habits(&known), ..Search::default() };
    watcher.begun(options.cases);
    fuzzer.fuzz(&mut search).await;
    Hunted::of(calibration, search)
}

/// A target that does not send a plain message back has failed before the first case.
fn mute(unfit: &Unfit, framing: &Framing) -> Vec<Finding> {
    let Unfit::Mute { script, judgement, .. } = unfit else { return Vec::new() };
    let (requirement, told) = match script.errand {
        Some(_) => ("CLI-03", errand::plain_message()),
        None => ("SES-02", scenario_of(script, framing, "")),
    };
    let finding = |breach: &Breach| Finding {
        key: Key { requirement, rule: breach.rule.clone(), shape: "a plain message".into() },
        breach: breach.clone(),
        details: judgement.details.clone(),
        framing: framing.clone(),
        case: 0,
        sessions: 0,
        shrunk: None,
        told: told.clone(),
        measured: false,
        explained: true,
        confirmed: true,
        cost: None,
    };
    judgement.breaches.first().map(finding).into_iter().collect()
}

/// What every session of a client shows, a plain one included, is found before the first case, and in no other.
fn habits(known: &Known) -> Vec<Finding> {
    let habitual = known.client().map(|client| client.habitual.as_slice()).unwrap_or_default();
    let finding = |rule: &String| Finding {
        key: Key { requirement: "CLI-07", rule: rule.clone(), shape: "a plain message".into() },
        breach: habitual_breach(rule),
        details: vec!["every plain session shows it".into()],
        framing: known.framing.clone(),
        case: 0,
        sessions: 0,
        shrunk: None,
        told: errand::plain_session(),
        measured: false,
        explained: true,
        confirmed: true,
        cost: None,
    };
    habitual.iter().take(1).map(finding).collect()
}

/// What is known so far.
#[derive(Default)]
struct Search {
    /// Cases that were begun.
    begun: u64,
    /// Cases that were taken account of, in their order.
    folded: u64,
    /// Cases that were played before an earlier one was; `None`: one that sleeps, from which nothing is learned.
    ahead: BTreeMap<u64, Option<(Case, Played)>>,
    classes: BTreeSet<Class>,
    corpus: Vec<Plan>,
    /// How large the corpus was when each batch had been taken account of.
    marks: Vec<usize>,
    suspects: Vec<Suspect>,
    /// The cases that were begun last.
    recent: VecDeque<(u64, Case)>,
    findings: Vec<Finding>,
    keys: BTreeSet<Key>,
    /// What was looked at: failures of unshrunk cases, and how often they did not come again.
    looked_at: BTreeMap<Key, Option<u32>>,
    again: u64,
    unconfirmed: u64,
    unexplained: u64,
    open: u64,
    traffic: Traffic,
    dead: bool,
    /// What the target's process took at the beginning, where that can be seen.
    before: Option<Usage>,
}

impl Search {
    /// Cases of as many kinds as there are, for what the run has cost as a whole.
    fn suspicious(&self) -> Vec<(u64, Case)> {
        let varied = self.corpus.iter().map(|plan| (0, Case::Session(plan.clone())));
        varied.chain(self.recent.iter().cloned()).collect()
    }

    /// What a case varies: the corpus as it was some batches before, whatever was faster or slower since.
    fn corpus(&self, case: u64) -> &[Plan] {
        let mark = (case / BATCH).checked_sub(LAG).and_then(|batch| self.marks.get(batch as usize));
        &self.corpus[..mark.copied().unwrap_or(0)]
    }

    /// Whether the batch so many before that of the next case has been taken account of.
    fn may_begin(&self) -> bool {
        self.begun / BATCH < self.folded / BATCH + LAG
    }

    /// Takes account of a case, and of those behind it that waited for it. Nobody waits for one that sleeps.
    fn fold(&mut self, number: u64, case: Case, played: Played) {
        self.open += u64::from(played.is_open);
        self.traffic.add(played.traffic);
        if let Some(breach) = played.breach() {
            self.suspects.push(Suspect { number, case: case.clone(), breach: breach.clone() });
        }
        if !sleeps(case.plan()) {
            self.ahead.insert(number, Some((case, played)));
        }
        while let Some(next) = self.ahead.remove(&self.folded) {
            if let Some((case, played)) = next {
                self.learn(&case, played);
            }
            self.folded += 1;
            if self.folded.is_multiple_of(BATCH) {
                self.marks.push(self.corpus.len());
            }
        }
    }

    fn learn(&mut self, case: &Case, played: Played) {
        let is_new = self.classes.insert(played.class);
        if is_new && self.corpus.len() < CORPUS && is_small(case.plan()) {
            self.corpus.push(case.plan().clone());
        }
    }
}

/// Whether a pause of a plan is so long that thousands of others are played meanwhile.
fn sleeps(plan: &Plan) -> bool {
    plan.moves.iter().any(|one| matches!(one.act, Act::Pause(length) if length > SLEEP))
}

/// What takes long is not varied: others are played in that time.
fn is_small(plan: &Plan) -> bool {
    let messages = plan.streams.iter().map(|stream| stream.messages.len());
    !plan.streams.is_empty() && messages.sum::<usize>() <= SMALL && plan.moves.len() <= SMALL
}

impl<T: Transport, W: Watcher> Fuzzer<'_, T, W> {
    async fn fuzz(&self, search: &mut Search) {
        let mut playing = FuturesUnordered::new();
        // Each case may open several connections.
        let room = self.known.jobs(self.options.jobs);
        search.before = self.watch();
        loop {
            while playing.len() < room && search.suspects.is_empty() && self.goes_on(search) {
                let (number, case) = self.next(search);
                playing.push(async move {
                    let played = case.play(self.transport, self.known, 1.0).await;
                    (number, case, played)
                });
            }
            match playing.next().await {
                Some((number, case, played)) => {
                    if played.is_ours && !self.watcher.stopped() {
                        search.open += 1;
                        self.pause(RECOVERY).await; // ports come back
                    }
                    search.fold(number, case, played);
                    self.watcher.played(search.folded, search.classes.len());
                }
                None if search.suspects.is_empty() => break,
                None => self.look_at(search).await,
            }
            if self.is_enough_found(search) || search.dead {
                break;
            }
        }
        if !self.watcher.stopped() && self.process.is_some_and(Process::ended) {
            self.look_at(search).await;
        }
        if !self.is_enough_found(search) && !search.dead {
            let finding = self.weigh(search.before, &search.suspicious()).await;
            self.keep(search, finding);
        }
    }

    fn counts(&self, finding: &Finding) -> bool {
        finding.level() <= self.options.level
    }

    fn is_enough_found(&self, search: &Search) -> bool {
        search.findings.iter().filter(|finding| self.counts(finding)).count() >= self.options.findings
    }

    fn goes_on(&self, search: &Search) -> bool {
        let left = self.options.cases.is_none_or(|cases| search.begun < cases);
        left && search.may_begin() && !self.watcher.stopped()
    }

    fn next(&self, search: &mut Search) -> (u64, Case) {
        let number = search.begun;
        let (part, parts) = self.options.shard.map_or((0, 1), |shard| (shard.index as u64 - 1, shard.count as u64));
        let case = draw(self.known, self.options.seed, number * parts + part, search.corpus(number));
        search.begun += 1;
        if sleeps(case.plan()) {
            search.ahead.insert(number, None);
        }
        search.recent.push_back((number, case.clone()));
        if search.recent.len() > 2 * self.options.jobs {
            search.recent.pop_front();
        }
        (number, case)
    }

    /// Nothing else is in progress: which of the failures come again?
    async fn look_at(&self, search: &mut Search) {
        let mut suspects = std::mem::take(&mut search.suspects);
        suspects.sort_by_key(|suspect| suspect.number);
        if self.watcher.stopped() {
            search.open += suspects.len() as u64; // nobody has the time to look at them
            return;
        }
        self.let_it_end().await;
        if self.is_dead().await {
            let recent: Vec<_> = search.recent.iter().cloned().collect();
            let finding = self.pin_death(&suspects, &recent).await;
            search.dead = self.process.is_none_or(Process::ended);
            search.unconfirmed += u64::from(finding.is_none());
            search.before = self.watch(); // what it takes now is another process's
            return self.keep(search, finding);
        }
        for suspect in suspects {
            if self.is_enough_found(search) || self.watcher.stopped() {
                return;
            }
            self.look_at_one(search, &suspect).await;
        }
    }

    async fn look_at_one(&self, search: &mut Search, suspect: &Suspect) {
        let Suspect { case, breach, .. } = suspect;
        let requirement = requirement(case, &breach.rule, self.known);
        let key = self.kind(Key { requirement, rule: breach.rule.clone(), shape: shape(case, self.known) });
        match search.looked_at.get(&key) {
            Some(None) => return search.again += 1,
            Some(Some(times)) if *times >= FLAKY => return search.unconfirmed += 1,
            _ => {}
        }
        let finding = self.confirm(suspect).await;
        let before = search.looked_at.get(&key).copied().flatten().unwrap_or(0);
        let is_told = finding.as_ref().is_some_and(|finding| finding.explained);
        search.looked_at.insert(key, (!is_told).then_some(before + 1));
        search.unconfirmed += u64::from(finding.is_none());
        self.keep(search, finding);
    }

    /// Of what is no failure one of a kind is enough, whatever the session.
    fn kind(&self, key: Key) -> Key {
        let level = requirement_named(key.requirement).map_or(Level::Must, |requirement| requirement.level);
        if level <= self.options.level { key } else { Key { shape: String::new(), ..key } }
    }

    fn keep(&self, search: &mut Search, finding: Option<Finding>) {
        let Some(finding) = finding else { return };
        if !finding.explained {
            search.unexplained += 1;
            return;
        }
        if search.keys.insert(self.kind(finding.key.clone())) {
            search.findings.push(finding);
        } else {
            search.again += 1;
        }
    }

    /// The target died while it was measured, of one of three messages.
    async fn dead_before(&self, search: &mut Search) {
        let session = |stream| {
            let framing = self.known.settings.framing.clone();
            Case::Session(Plan { framing, streams: vec![stream], moves: Vec::new() })
        };
        let recent: Vec<_> = (0..).zip(self.known.dangers().into_iter().map(session)).collect();
        let finding = self.pin_death(&[], &recent).await;
        search.dead = self.process.is_none_or(Process::ended);
        self.keep(search, finding);
    }
}
