//! Cases side by side; what failed is looked at alone.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::case::{Case, Traffic};
use super::confirm::TIMES;
use super::draw::draw;
use super::errand;
use super::finding::{Finding, Key};
use super::known::Known;
use super::search::{Search, sleeps};
use super::shape::{requirement, shape};
use super::{Options, Watcher};
use crate::campaign::{
    Calibration, Introduction, Process, Stoppable, Unfit, calibrate, measure, measure_client, plain,
};
use crate::framing::Framing;
use crate::fuzzing::{Message, Plan, Stream, scenario_of};
use crate::oracle::{Breach, Level, habitual as habitual_breach, requirement as requirement_named};
use crate::transport::Transport;

/// How long nothing is begun when we have run out of ports or descriptors.
const RECOVERY: Duration = Duration::from_secs(1);

/// What fails once more in a way that could not be confirmed so often is only counted.
const FLAKY: u32 = 3;

/// What fuzzing one framing has brought.
#[derive(Clone, Debug)]
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
    /// Cases of which something can be said.
    pub judged: u64,
    /// Failures that nobody had the time to look at.
    pub suspects: usize,
    /// For so long nothing could be judged in the end, where that is longer than a case may take.
    pub blind: Option<Duration>,
    /// So often the target died, or fell silent.
    pub deaths: u64,
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
            judged: 0,
            suspects: 0,
            blind: None,
            deaths: 0,
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
            judged: search.judged,
            suspects: search.suspects.len(),
            blind: search.blind,
            deaths: search.deaths,
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
    /// What is played alone is played with a fresh process each time.
    pub(super) fresh: bool,
    /// What rests on time alone must come again so often.
    pub(super) times: usize,
}

/// Looks for failures of a target under one framing, until enough are found, all cases are played, or the watcher says so.
pub async fn hunt<T: Transport, W: Watcher>(
    transport: &T,
    watcher: &W,
    process: Option<&dyn Process>,
    framing: &Framing,
    options: &Options,
) -> Hunted {
    let (target, transport) = (transport, &Stoppable { transport, watcher });
    watcher.phase("measuring the target", 0);
    let mut calibration = match calibrate(transport, process, framing, options.time_scale).await {
        Ok(calibration) => calibration,
        Err(unfit) => return Hunted { findings: mute(&unfit, framing), ..Hunted::new(Err(unfit)) },
    };
    measure(transport, framing, &mut calibration, options.largest as u64).await;
    let known = Known::new(framing, &calibration, options.largest);
    let fuzzer = Fuzzer { transport, watcher, process, known: &known, options, fresh: false, times: TIMES };
    let mut search = Search::default();
    watcher.begun(options.cases);
    if calibration.died_of.is_some() {
        fuzzer.dead_before(&mut search).await;
    } else {
        fuzzer.fuzz(&mut search).await;
        fuzzer.take_leave(target, &mut search).await;
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
    let fuzzer = Fuzzer { transport, watcher, process: None, known: &known, options, fresh: false, times: TIMES };
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

impl<T: Transport, W: Watcher> Fuzzer<'_, T, W> {
    async fn fuzz(&self, search: &mut Search) {
        let mut playing = FuturesUnordered::new();
        // Each case may open several connections.
        let room = self.known.jobs(self.options.jobs);
        search.before = self.watch();
        loop {
            while playing.len() < room && search.suspects.is_empty() && self.goes_on(search) {
                let (number, case) = self.next(search);
                let haste = search.haste();
                playing.push(async move {
                    let played = case.play_in(self.transport, self.known, haste).await;
                    (number, case, played)
                });
            }
            match playing.next().await {
                Some((number, case, played)) => {
                    if played.is_ours && !self.watcher.stopped() {
                        search.open += 1;
                        self.pause(RECOVERY).await; // ports come back
                    }
                    search.fold(number, case, played, self.watcher.elapsed());
                    self.set_aside(search);
                    self.watcher.played(search.folded, search.classes.len());
                }
                None if search.suspects.is_empty() || self.watcher.stopped() => break,
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
            let began = self.watcher.elapsed();
            let finding = self.weigh(search.before, &search.suspicious()).await;
            // Nothing was to be judged meanwhile.
            search.judged_at += self.watcher.elapsed().saturating_sub(began);
            self.keep(search, finding);
        }
    }

    fn counts(&self, finding: &Finding) -> bool {
        finding.level() <= self.options.level
    }

    pub(super) fn is_enough_found(&self, search: &Search) -> bool {
        search.findings.iter().filter(|finding| self.counts(finding)).count() >= self.options.findings
    }

    fn goes_on(&self, search: &Search) -> bool {
        let in_time = self.options.until.is_none_or(|until| self.watcher.elapsed() < until);
        let left = in_time && self.options.cases.is_none_or(|cases| search.begun < cases);
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
        self.let_it_end().await;
        if self.is_dead().await && !self.watcher.stopped() {
            search.deaths += 1;
            let recent: Vec<_> = search.recent.iter().cloned().collect();
            let finding = self.pin_death(&suspects, &recent).await;
            search.dead = self.process.is_none_or(Process::ended);
            search.before = self.watch(); // what it takes now is another process's
            return self.keep(search, finding);
        }
        for suspect in suspects {
            if self.is_enough_found(search) {
                return;
            }
            if self.watcher.stopped() {
                search.suspects.push(suspect); // nobody has the time to look at it
                continue;
            }
            self.look_at_one(search, &suspect).await;
            search.before = self.watch(); // it may be another process
            search.judged_at = self.watcher.elapsed();
        }
    }

    async fn look_at_one(&self, search: &mut Search, suspect: &Suspect) {
        let Suspect { breach, .. } = suspect;
        let key = self.key(search, suspect);
        match search.looked_at.get(&key) {
            Some(None) => return search.again += 1,
            Some(Some(times)) if *times >= FLAKY => return search.unconfirmed += 1,
            _ => {}
        }
        let times = if search.has_shown(breach) { 1 } else { TIMES };
        let finding = Fuzzer { times, ..*self }.confirm(suspect).await;
        if finding.is_none() && self.watcher.stopped() {
            return search.suspects.push(suspect.clone());
        }
        let before = search.looked_at.get(&key).copied().flatten().unwrap_or(0);
        let is_told = finding.as_ref().is_some_and(|finding| finding.explained);
        search.looked_at.insert(key, (!is_told).then_some(before + 1));
        search.unconfirmed += u64::from(finding.is_none());
        let late = finding.as_ref().filter(|finding| is_told && finding.breach.timing).map(|it| it.key.clone());
        self.keep(search, finding);
        if let Some(key) = late.filter(|key| !search.habits.contains(&key.rule))
            && self.is_habit(&key.rule).await
        {
            search.habits.insert(key.rule.clone());
            let key = self.kind(search, key);
            search.looked_at.insert(key.clone(), None);
            search.keys.insert(key);
        }
    }

    /// What fails by a habit, in a session of which one was looked at, keeps nobody waiting.
    fn set_aside(&self, search: &mut Search) {
        let mut suspects = std::mem::take(&mut search.suspects);
        suspects.retain(|suspect| {
            let looked_at = search.looked_at.get(&self.key(search, suspect));
            let is_again = search.habits.contains(&suspect.breach.rule) && looked_at == Some(&None);
            search.again += u64::from(is_again);
            !is_again
        });
        search.suspects = suspects;
    }

    /// Whether a plain session shows it each time.
    async fn is_habit(&self, rule: &str) -> bool {
        let plain = |number| Message::Bytes(plain(&self.known.framing, number));
        for messages in (0..self.times).map(|number| vec![plain(number)]) {
            let streams = vec![Stream { messages, damage: Vec::new() }];
            let case = Case::Session(Plan { framing: self.known.settings.framing.clone(), streams, moves: Vec::new() });
            let played = self.replay(&case, 1.0, rule).await;
            if self.known.client.is_some() || !played.breaches.iter().any(|breach| breach.rule == rule) {
                return false;
            }
        }
        true
    }

    fn key(&self, search: &Search, Suspect { case, breach, .. }: &Suspect) -> Key {
        let requirement = requirement(case, breach, self.known);
        self.kind(search, Key { requirement, rule: breach.rule.clone(), shape: shape(case, self.known) })
    }

    /// Of what is no failure, and of a habit, one of a kind is enough, whatever the session.
    fn kind(&self, search: &Search, key: Key) -> Key {
        let level = requirement_named(key.requirement).map_or(Level::Must, |requirement| requirement.level);
        let is_distinct = level <= self.options.level && !search.habits.contains(&key.rule);
        if is_distinct { key } else { Key { shape: String::new(), ..key } }
    }

    pub(super) fn keep(&self, search: &mut Search, finding: Option<Finding>) {
        let Some(finding) = finding else { return };
        if !finding.explained {
            search.unexplained += 1;
            return;
        }
        let key = self.kind(search, finding.key.clone());
        if search.keys.insert(key) {
            search.findings.push(finding);
        } else {
            search.again += 1;
        }
    }

    /// The target died while it was measured: of how a client left, or of one of three messages.
    async fn dead_before(&self, search: &mut Search) {
        let recent: Vec<_> = (0..).zip(self.known.dangers().into_iter().map(Case::Session)).collect();
        search.deaths += 1;
        let finding = self.pin_death(&[], &recent).await;
        search.dead = self.process.is_none_or(Process::ended);
        self.keep(search, finding);
    }
}
