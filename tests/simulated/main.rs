//! What is judged and found over the simulator: no socket, no process, as many processors as there are.
//!
//! One binary, because each would have a copy of the campaign and of the hunt compiled for the simulator.

mod campaign;
mod client_kill_matrix;
mod cores;
mod kill_matrix;
mod kills;
mod measuring;
mod over_tcp;
mod patience;
mod planted_client_faults;
mod planted_faults;
