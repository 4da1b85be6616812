//! Peers of these tests are plain threads over `std::net`; none of them relies on how long anything takes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream as Stream};
use std::sync::mpsc;
use std::thread::JoinHandle;

use bytes::Bytes;
use socket2::{Domain, SockRef, Socket, Type};

use super::*;
use crate::session::{Event, Outcome, Pace, Replies, Segment, Step, Until};
use crate::transport::reach;

const A: Conn = Conn(0);
const PATIENT: Duration = Duration::from_secs(20);
const MIB: usize = 1 << 20;

fn connect(conn: Conn) -> Step {
    Step::Connect { conn, receive_buffer: None }
}

fn send_segments(conn: Conn, segments: Vec<Segment>) -> Step {
    Step::Send { conn, promises: Vec::new(), segments, within: Some(PATIENT) }
}

fn send(bytes: impl Into<Bytes>) -> Step {
    send_segments(A, vec![Segment::once(bytes.into())])
}

fn send_each_byte(bytes: &[u8]) -> Step {
    let segments = bytes.iter().map(|byte| Segment { cut: true, ..Segment::once(Bytes::copy_from_slice(&[*byte])) });
    send_segments(A, segments.collect())
}

fn wait(until: Until) -> Step {
    Step::Await { conns: vec![A], any: vec![until], within: PATIENT }
}

fn script(steps: impl Into<Vec<Step>>) -> Script {
    Script { steps: steps.into(), replies: Replies::Stream, bound: PATIENT * 3, errand: None }
}

/// A thread that serves the first connection.
fn peer<T: Send + 'static>(serve: impl FnOnce(Stream) -> T + Send + 'static) -> (Tcp, JoinHandle<T>) {
    serve_at(TcpListener::bind("127.0.0.1:0").unwrap(), serve)
}

fn serve_at<T: Send + 'static>(
    listener: TcpListener,
    serve: impl FnOnce(Stream) -> T + Send + 'static,
) -> (Tcp, JoinHandle<T>) {
    let tcp = Tcp::new(listener.local_addr().unwrap());
    (tcp, thread::spawn(move || serve(listener.accept().unwrap().0)))
}

fn echo(mut stream: Stream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(len) if stream.write_all(&buffer[..len]).is_err() => return,
            Ok(_) => {}
        }
    }
}

/// How many reads it takes to read up to the end, each preceded by `pause`.
fn count_reads(mut stream: Stream, pause: Duration) -> usize {
    let mut reads = 0;
    loop {
        thread::sleep(pause);
        match stream.read(&mut [0; 4096]) {
            Ok(0) | Err(_) => return reads,
            Ok(_) => reads += 1,
        }
    }
}

fn reset(stream: Stream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

fn has(trace: &Trace, event: &Event) -> bool {
    trace.records.iter().any(|record| record.event == *event)
}

fn received(trace: &Trace) -> usize {
    let lens = trace.records.iter().map(|record| match &record.event {
        Event::Received(bytes) => bytes.len(),
        _ => 0,
    });
    lens.sum()
}

fn outcomes(trace: &Trace) -> Vec<Outcome> {
    let outcomes = trace.records.iter().filter_map(|record| match record.event {
        Event::Step { outcome, .. } => Some(outcome),
        _ => None,
    });
    outcomes.collect()
}

fn proofs(trace: &Trace) -> Vec<Proof> {
    let proofs = trace.records.iter().filter_map(|record| match record.event {
        Event::Apart(proof) => Some(proof),
        _ => None,
    });
    proofs.collect()
}

#[tokio::test]
async fn an_echo_comes_back() {
    let (tcp, peer) = peer(echo);
    let trace = tcp.run(script([connect(A), send("hello\n"), wait(Until::Echo), Step::Close(A)])).await;
    let events: Vec<_> = trace.records.iter().map(|record| record.event.to_string()).collect();
    assert_eq!(events, ["connected", r#"> "hello\n""#, r#"< "hello\n""#, "step 2 met", "> close"]);
    peer.join().unwrap();
}

#[tokio::test]
async fn several_connections_do_not_mix() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = Tcp::new(listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().for_each(|stream| drop(thread::spawn(|| echo(stream.unwrap())))));
    let conns: Vec<_> = (0..20).map(Conn).collect();
    let mut steps: Vec<_> = conns.iter().map(|conn| connect(*conn)).collect();
    steps.extend(conns.iter().map(|conn| {
        let byte = |index: usize| Bytes::from(format!("{conn}{index}"));
        let segments = (0..5).map(|index| Segment { cut: true, ..Segment::once(byte(index)) }).collect();
        Step::Send { conn: *conn, promises: Vec::new(), segments, within: None }
    }));
    steps.push(Step::Await { conns, any: vec![Until::Echo], within: PATIENT });
    let trace = tcp.run(script(steps)).await;
    assert_eq!(outcomes(&trace), [Outcome::Met]);
}

#[tokio::test]
async fn every_segment_takes_a_read_of_its_own() {
    let (tcp, peer) = peer(|stream| count_reads(stream, Duration::ZERO));
    let trace = tcp.run(script([connect(A), send_each_byte(&[7; 200]), Step::Shutdown(A), wait(Until::End)])).await;
    assert_eq!(peer.join().unwrap(), 200);
    assert_eq!(proofs(&trace), [Proof::Read; 200]);
}

#[tokio::test]
async fn every_segment_takes_a_read_of_its_own_by_a_slow_reader() {
    let (tcp, peer) = peer(|stream| count_reads(stream, Duration::from_millis(2)));
    tcp.run(script([connect(A), send_each_byte(&[7; 200]), Step::Shutdown(A), wait(Until::End)])).await;
    assert_eq!(peer.join().unwrap(), 200);
}

#[tokio::test]
async fn every_segment_takes_a_read_of_its_own_over_ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return }; // a host without IPv6
    let (tcp, peer) = serve_at(listener, |stream| count_reads(stream, Duration::ZERO));
    let trace = tcp.run(script([connect(A), send_each_byte(&[7; 200]), Step::Shutdown(A), wait(Until::End)])).await;
    assert_eq!(peer.join().unwrap(), 200);
    assert_eq!(proofs(&trace), [Proof::Read; 200]);
}

#[tokio::test]
async fn every_segment_takes_a_read_of_its_own_at_a_dual_stack_listener() {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.set_only_v6(false).unwrap();
    let Ok(()) = socket.bind(&"[::]:0".parse::<SocketAddr>().unwrap().into()) else { return };
    socket.listen(1).unwrap();
    let listener = TcpListener::from(socket);
    let port = listener.local_addr().unwrap().port();
    let peer = thread::spawn(move || count_reads(listener.accept().unwrap().0, Duration::ZERO));
    let tcp = Tcp::new((Ipv4Addr::LOCALHOST, port).into());
    let trace = tcp.run(script([connect(A), send_each_byte(&[7; 200]), Step::Shutdown(A), wait(Until::End)])).await;
    assert_eq!(peer.join().unwrap(), 200);
    assert_eq!(proofs(&trace), [Proof::Read; 200]);
}

#[tokio::test]
async fn a_segment_that_is_not_read_goes_unproved() {
    let (release, held) = mpsc::channel::<()>();
    let (tcp, peer) = peer(move |stream| held.recv().map_err(|_| drop(stream)));
    let tcp = tcp.gate_limit(Duration::from_millis(20));
    let trace = tcp.run(script([connect(A), send_each_byte(b"abc"), Step::Close(A)])).await;
    assert_eq!(proofs(&trace), [Proof::None; 2]);
    drop(release);
    peer.join().unwrap().unwrap_err();
}

#[tokio::test]
async fn nobody_listens() {
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    bound.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = bound.local_addr().unwrap().as_socket().unwrap();
    let trace = Tcp::new(address).run(script([connect(A), wait(Until::Refused)])).await;
    assert!(has(&trace, &Event::ConnectFailed(Failure::Refused)));
    assert_eq!(outcomes(&trace), [Outcome::Met]);
    assert_eq!(reach(address).await, Err(Failure::Refused));
}

#[tokio::test]
async fn a_listener_can_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(reach(listener.local_addr().unwrap()).await, Ok(()));
}

#[tokio::test]
async fn the_bound_holds_while_connecting() {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    // A full queue of connections that nobody accepts: SYNs are dropped from here on.
    let queue: Vec<_> = (0..3).map(|_| Stream::connect_timeout(&address, Duration::from_millis(100))).collect();
    assert!(queue.last().unwrap().is_err());
    let bound = Duration::from_millis(50);
    let trace = Tcp::new(address).run(Script { bound, ..script([connect(A)]) }).await;
    assert!(has(&trace, &Event::OutOfTime { step: 0 }));
}

#[tokio::test]
async fn a_peer_that_closes_at_once_sends_fin() {
    let (tcp, _peer) = peer(drop);
    let trace = tcp.run(script([connect(A), wait(Until::Closed)])).await;
    assert!(has(&trace, &Event::Fin) && !has(&trace, &Event::Reset));
}

#[tokio::test]
async fn a_peer_that_resets_sends_rst() {
    let (tcp, _peer) = peer(reset);
    let trace = tcp.run(script([connect(A), wait(Until::Closed)])).await;
    assert!(has(&trace, &Event::Reset) && !has(&trace, &Event::Fin), "{trace}");
}

#[tokio::test]
async fn after_a_reset_no_fin_is_sent() {
    let (tcp, _peer) = peer(reset);
    let trace = tcp.run(script([connect(A), wait(Until::Closed), Step::Shutdown(A), Step::Close(A)])).await;
    assert!(has(&trace, &Event::Reset) && !has(&trace, &Event::SentFin), "{trace}");
}

#[tokio::test]
async fn what_came_before_an_immediate_reset_is_read() {
    let (tcp, peer) = peer(|mut stream| {
        stream.write_all(b"bye").unwrap();
        reset(stream);
    });
    let trace = tcp.run(script([connect(A), wait(Until::Closed)])).await;
    assert!(has(&trace, &Event::Connected) && has(&trace, &Event::Reset), "{trace}");
    assert_eq!(received(&trace), 3);
    peer.join().unwrap();
}

#[tokio::test]
async fn a_reset_met_while_writing_is_no_fin() {
    let (tcp, _peer) = peer(|mut stream| {
        stream.read_exact(&mut [0]).unwrap();
        reset(stream);
    });
    let stop = Step::Read { conn: A, pace: Pace::Stopped };
    let go = Step::Read { conn: A, pace: Pace::Eager };
    let trace = tcp.run(script([connect(A), stop, send(vec![0; 64 * MIB]), go, wait(Until::Closed)])).await;
    assert!(has(&trace, &Event::WriteFailed(Failure::Reset)), "{:?}", outcomes(&trace));
    assert!(has(&trace, &Event::Reset) && !has(&trace, &Event::Fin), "{trace}");
}

#[tokio::test]
async fn a_reply_sent_before_a_close_is_read_after_writing_failed() {
    let (tcp, _peer) = peer(|mut stream| stream.write_all(b"bye").unwrap());
    let stop = Step::Read { conn: A, pace: Pace::Stopped };
    let go = Step::Read { conn: A, pace: Pace::Eager };
    let trace = tcp.run(script([connect(A), stop, send(vec![0; 64 * MIB]), go, wait(Until::Closed)])).await;
    assert!(trace.records.iter().any(|record| matches!(record.event, Event::WriteFailed(_))));
    assert_eq!(received(&trace), 3);
}

#[tokio::test]
async fn a_flood_is_stopped() {
    let (tcp, peer) = peer(|mut stream| while stream.write_all(&[0; 8192]).is_ok() {});
    let trace = tcp.run(script([connect(A), send("x"), wait(Until::End)])).await;
    assert!(has(&trace, &Event::Flood));
    assert_eq!(outcomes(&trace), [Outcome::Hopeless]);
    assert!(received(&trace) <= 3 * READ_AT_ONCE, "{}", received(&trace));
    peer.join().unwrap();
}

#[tokio::test]
async fn a_flood_read_in_drops_keeps_to_the_clock() {
    let (tcp, peer) = peer(|mut stream| while stream.write_all(&[0; 8192]).is_ok() {});
    let drip = Step::Read { conn: A, pace: Pace::Drip { bytes: 1, every: Duration::from_millis(1) } };
    let steps = [connect(A), drip, Step::Pause(Duration::from_millis(50)), Step::Close(A)];
    let trace = tcp.run(script(steps)).await;
    assert!((1..=60).contains(&received(&trace)), "{}", received(&trace));
    peer.join().unwrap();
}

#[tokio::test]
async fn a_peer_that_never_reads_is_overdue() {
    let (release, held) = mpsc::channel::<()>();
    let (tcp, _peer) = peer(move |stream| held.recv().map_err(|_| drop(stream)));
    let segments = vec![Segment::once(vec![0; 64 * MIB].into())];
    let within = Some(Duration::from_millis(200));
    let steps = [connect(A), Step::Send { conn: A, promises: Vec::new(), segments, within }];
    assert_eq!(outcomes(&tcp.run(script(steps)).await), [Outcome::Overdue]);
    drop(release);
}

#[tokio::test]
async fn a_reply_comes_after_a_half_close() {
    let (tcp, _peer) = peer(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let steps = [connect(A), send("hello"), Step::Shutdown(A), wait(Until::Echo), wait(Until::End)];
    assert_eq!(outcomes(&tcp.run(script(steps)).await), [Outcome::Met, Outcome::Met]);
}

#[tokio::test]
async fn a_fin_comes_with_the_last_data() {
    for _ in 0..50 {
        let (tcp, peer) = peer(|mut stream| {
            let len = stream.read(&mut [0; 100]).unwrap();
            stream.set_nonblocking(true).unwrap();
            (len, stream.read(&mut [0; 100]).map_err(|error| error.kind()))
        });
        let segments = vec![Segment { fin: true, ..Segment::once("hello".into()) }];
        tcp.run(script([connect(A), send_segments(A, segments), wait(Until::End)])).await;
        assert_eq!(peer.join().unwrap(), (5, Ok(0)));
    }
}

#[tokio::test]
async fn a_reset_reaches_the_peer_after_the_data() {
    let (tcp, peer) = peer(|mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        stream.read(&mut [0; 100]).map_err(|error| error.kind())
    });
    tcp.run(script([connect(A), send("hello"), Step::Reset(A)])).await;
    assert_eq!(peer.join().unwrap(), Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_close_reaches_the_peer_as_fin() {
    let (tcp, peer) = peer(|mut stream| stream.read(&mut [0; 100]).unwrap());
    tcp.run(script([connect(A), Step::Close(A)])).await;
    assert_eq!(peer.join().unwrap(), 0);
}

#[tokio::test]
async fn a_large_message_through_an_honest_echo_does_not_deadlock() {
    let (tcp, _peer) = peer(echo);
    let bytes: Vec<_> = (0..64 * MIB).map(|index| (index / 251) as u8).collect();
    let trace = tcp.run(script([connect(A), send(bytes), wait(Until::Echo), Step::Close(A)])).await;
    assert_eq!(outcomes(&trace), [Outcome::Met]);
    assert_eq!(received(&trace), 64 * MIB);
}

#[tokio::test]
async fn a_clamped_receive_buffer_does_not_deadlock() {
    let (tcp, _peer) = peer(echo);
    let open = Step::Connect { conn: A, receive_buffer: Some(4096) };
    let trace = tcp.run(script([open, send(vec![7; MIB]), wait(Until::Echo)])).await;
    assert_eq!(outcomes(&trace), [Outcome::Met]);
}

#[tokio::test]
async fn a_busy_run_leaves_time_for_others() {
    let ((noisy, _), (calm, _)) = (peer(echo), peer(echo));
    let busy = noisy.run(script([connect(A), send(vec![0; 64 * MIB]), wait(Until::Echo)]));
    let quick = calm.run(script([connect(A), send("hello"), wait(Until::Echo)]));
    tokio::select! {
        biased;
        _ = busy => panic!("a few bytes took longer than many"),
        trace = quick => assert_eq!(outcomes(&trace), [Outcome::Met]),
    }
}

/// Answers each byte by two writes, of which Nagle's algorithm holds the second back until the first is acknowledged.
fn answer_in_two_writes(mut stream: Stream) {
    while let Ok(1) = stream.read(&mut [0]) {
        if stream.write_all(b"a").and_then(|()| stream.write_all(b"b")).is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_reply_in_pieces_waits_for_no_acknowledgement_unless_its_time_is_measured() {
    const ROUNDS: usize = 40;
    let mut took = Vec::new();
    for measured in [false, true] {
        let (tcp, _peer) = peer(answer_in_two_writes);
        let mut steps = vec![connect(A)];
        for round in 1..=ROUNDS {
            steps.extend([send("x"), wait(Until::Bytes(2 * round as u64))]);
        }
        if measured {
            steps.push(wait(Until::Prompt(Duration::ZERO)));
        }
        let began = Instant::now();
        let trace = tcp.run(script(steps)).await;
        took.push(began.elapsed());
        assert_eq!(received(&trace), 2 * ROUNDS, "{trace}");
    }
    // A delayed acknowledgement costs 40 ms, in all but the first rounds.
    assert!(took[0] < took[1] / 2, "{took:?}");
}

/// `cargo test --release -- --ignored --nocapture measure`
#[tokio::test]
#[ignore = "a measurement"]
async fn measure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(|stream| echo(stream.unwrap())));
    let (tcp, count) = (Tcp::new(address), 3000);
    for _ in 0..3 {
        let began = Instant::now();
        for _ in 0..count {
            let mut stream = Stream::connect(address).unwrap();
            stream.write_all(b"hello\n").unwrap();
            stream.read_exact(&mut [0; 6]).unwrap();
        }
        let bare = began.elapsed() / count;
        let began = Instant::now();
        for _ in 0..count {
            tcp.run(script([connect(A), send("hello\n"), wait(Until::Echo), Step::Close(A)])).await;
        }
        let ours = began.elapsed() / count;
        let began = Instant::now();
        tcp.run(script([connect(A), send_each_byte(&[7; 2000]), wait(Until::Echo), Step::Close(A)])).await;
        println!("a bare exchange {bare:?}, a case {ours:?}, a segment {:?}", began.elapsed() / 2000);
    }
}
