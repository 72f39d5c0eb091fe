use super::*;

const TICKTIMER: u32 = 0xf001_2000;
const TIMER0: u32 = 0xf000_1000;
const UART: u32 = 0xf000_5000;
const WFI: u32 = 0xf002_5000;

fn board() -> Board {
    Board::new(&Options::default())
}

fn write(board: &mut Board, address: u32, value: u32, count: u64) {
    let mut ram = Ram::new();
    let space = Space { translation: 0, status: 0, user: false };
    board.write(address, value, count, View::new(&mut ram, space)).unwrap();
}

fn advance(board: &mut Board, count: u64) -> Next {
    board.advance(count, &mut Ram::new())
}

#[test]
fn the_ticktimer_counts_milliseconds_and_its_alarm_is_a_level() {
    let mut board = board();
    write(&mut board, TICKTIMER, 1, 0);
    write(&mut board, TICKTIMER + 0x10, 3, 0);
    write(&mut board, TICKTIMER + 0x1c, 1, 0);
    let before = 3 * PER_MILLISECOND - 1;
    assert_eq!(board.read(TICKTIMER + 8, before), Some(2));
    assert_eq!(board.lines(before), 0);
    assert_eq!(board.lines(before + 1), 1 << 8);
    write(&mut board, TICKTIMER + 0x10, 4, before + 1);
    assert_eq!(board.lines(before + 1), 0);
}

#[test]
fn sleep_is_skipped_to_the_next_event() {
    let mut board = board();
    write(&mut board, TICKTIMER + 0x10, 50, 0);
    write(&mut board, TICKTIMER + 0x1c, 1, 0);
    write(&mut board, WFI, 1, 1000);
    advance(&mut board, 1000);
    assert_eq!(board.now(1000), 50 * PER_MILLISECOND);
    assert_eq!(board.lines(1000), 1 << 8);
}

#[test]
fn a_sleep_without_an_event_is_for_ever() {
    let mut board = board();
    write(&mut board, WFI, 1, 10);
    assert_eq!(advance(&mut board, 10), Next::IdleForever);
}

#[test]
fn the_preemption_timer_ticks_at_12_mhz_until_acknowledged() {
    let mut board = board();
    for (register, value) in [(0x00, 120_000), (0x04, 120_000), (0x08, 1), (0x14, 1)] {
        write(&mut board, TIMER0 + register, value, 0);
    }
    assert_eq!(advance(&mut board, 0), Next::RunUntil(1_000_000));
    advance(&mut board, 1_000_000);
    assert_eq!(board.lines(1_000_000), 1);
    write(&mut board, TIMER0 + 0x10, 1, 1_000_000);
    assert_eq!(board.lines(1_000_000), 0);
    advance(&mut board, 2_000_000);
    assert_eq!(board.lines(2_000_000), 1);
}

#[test]
fn lines_come_out_of_the_uart_and_keys_go_in() {
    let mut board = board();
    for byte in b"one\r\ntwo" {
        write(&mut board, UART, (*byte).into(), 7);
    }
    board.finish_lines(9);
    let lines = board.take_lines();
    assert_eq!(lines[0], Line { source: Source::Kernel, time: 7, text: "one".into() });
    assert_eq!(lines[1], Line { source: Source::Kernel, time: 9, text: "two".into() });
    board.type_to_kernel("h");
    assert_eq!(board.lines(9), 0);
    write(&mut board, UART + 0x14, 2, 9);
    assert_eq!(board.lines(9), 1 << 2);
    assert_eq!(board.read(UART + 8, 9), Some(0));
    assert_eq!(board.read(UART, 9), Some('h' as u32));
    assert_eq!(board.read(UART + 8, 9), Some(1));
}

#[test]
fn nothing_answers_outside_the_devices() {
    let mut board = board();
    assert_eq!(board.read(0xf004_0000, 0), None);
    assert_eq!(board.read(0x1000, 0), None);
    assert_eq!(board.read(DEVICES_START + 0x2_2000, 0), Some(0));
}
