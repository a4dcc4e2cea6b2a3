//! Titles from upload to ready, by real children, a real database and a real store that sometimes breaks. The program is its
//! own media child, which is why it has a `main`.

mod change;
mod converge;
mod ends;
mod faults;
mod film;
mod ladder;
mod limits;
mod local;
mod protection;
mod reads;
mod thumbnails;
mod title;
mod worker;

use libtest_mimic::{Arguments, Failed, Trial};
use std::{future::Future, process::ExitCode};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("child") {
        let name = std::env::args().next().unwrap_or_default();
        if name.ends_with(limits::CRASHING) {
            std::process::abort();
        }
        while name.ends_with(limits::SILENT) {
            std::thread::park();
        }
        marquee_transcoder::child::main();
    }
    let trials = vec![
        trial("a_film_goes_from_upload_to_ready", title::a_film_goes_from_upload_to_ready),
        trial("a_fast_film_with_a_start_ladder_passes_the_gate", title::a_fast_film_with_a_start_ladder_passes_the_gate),
        trial("a_title_plays_before_its_ladder_is_chosen", ladder::a_title_plays_before_its_ladder_is_chosen),
        trial("what_cannot_be_measured_gets_the_fixed_ladder", ladder::what_cannot_be_measured_gets_the_fixed_ladder),
        trial("a_stream_plays_before_it_is_read_whole", ends::a_stream_plays_before_it_is_read_whole),
        trial("a_stream_plays_before_its_ladder_is_chosen", ends::a_stream_plays_before_its_ladder_is_chosen),
        trial(
            "a_film_that_is_not_what_its_ends_promised_begins_anew",
            ends::a_film_that_is_not_what_its_ends_promised_begins_anew,
        ),
        trial("a_stream_that_is_damaged_late_is_refused", ends::a_stream_that_is_damaged_late_is_refused),
        trial("a_chunk_reads_little_more_than_its_share", reads::a_chunk_reads_little_more_than_its_share),
        trial("a_scarred_film_is_refused_as_damaged", title::a_scarred_film_is_refused_as_damaged),
        trial("text_is_refused_with_a_reason", title::text_is_refused_with_a_reason),
        trial("what_changed_in_the_store_does_not_pass_the_gate", title::what_changed_in_the_store_does_not_pass_the_gate),
        trial("what_nobody_has_read_is_summed_by_its_inspection", title::what_nobody_has_read_is_summed_by_its_inspection),
        trial("a_reading_goes_on_where_an_outage_ended_it", title::a_reading_goes_on_where_an_outage_ended_it),
        trial("a_source_that_changed_in_the_store_is_refused", title::a_source_that_changed_in_the_store_is_refused),
        trial("bytes_of_an_earlier_attempt_are_adopted", title::bytes_of_an_earlier_attempt_are_adopted),
        trial("another_upload_of_a_film_is_copied", change::another_upload_of_a_film_is_copied),
        trial("a_rung_is_made_anew_and_all_else_copied", change::a_rung_is_made_anew_and_all_else_copied),
        trial("files_of_subtitles_are_added_and_all_else_copied", change::files_of_subtitles_are_added_and_all_else_copied),
        trial("chapters_are_given_and_all_else_copied", change::chapters_are_given_and_all_else_copied),
        trial("an_order_that_no_encoder_can_follow_fails", change::an_order_that_no_encoder_can_follow_fails_and_the_title_stays),
        trial("what_is_gone_from_the_store_is_made_again", change::what_is_gone_from_the_store_is_made_again),
        trial("what_both_films_hold_is_copied", change::of_a_film_that_is_replaced_what_both_hold_is_copied),
        trial("copying_that_breaks_anywhere_loses_nothing", change::copying_that_breaks_anywhere_loses_nothing),
        trial("a_title_is_protected_before_anything_is_stored", protection::a_title_is_protected_before_anything_is_stored),
        trial(
            "a_clear_title_becomes_a_protected_one_and_back",
            protection::a_clear_title_becomes_a_protected_one_and_back_without_being_encoded,
        ),
        trial("protecting_that_breaks_anywhere_loses_nothing", protection::protecting_that_breaks_anywhere_loses_nothing),
        trial("keys_come_from_a_key_server_of_others", protection::keys_come_from_a_key_server_of_others),
        trial("a_local_film_is_protected_and_ffmpeg_opens_it", protection::a_local_film_is_protected_and_ffmpeg_opens_it),
        trial("thumbnails_are_made_beside_a_title", thumbnails::thumbnails_are_made_beside_a_title),
        trial("tiles_that_come_late_change_no_manifest", thumbnails::tiles_that_come_late_change_no_manifest),
        trial("thumbnails_of_an_earlier_attempt_stand", thumbnails::thumbnails_of_an_earlier_attempt_stand),
        trial("a_title_is_ready_without_thumbnails", thumbnails::a_title_is_ready_without_thumbnails),
        trial("a_store_that_breaks_before_any_operation_loses_nothing", converge::breaks_before),
        trial("a_store_that_breaks_after_any_operation_loses_nothing", converge::breaks_after),
        trial("a_local_film_becomes_a_folder", local::a_film_becomes_a_folder),
        trial("the_lowest_variant_stays_under_its_bound", local::the_lowest_variant_stays_under_its_bound),
        trial("files_of_subtitles_are_beside_the_film", local::files_of_subtitles_are_beside_the_film),
        trial("a_plan_alone_writes_nothing", local::a_plan_alone_writes_nothing),
        trial("a_local_failure_leaves_nothing_behind", local::a_failure_leaves_nothing_behind),
        trial("what_can_be_read_is_enough_where_that_is_accepted", local::what_can_be_read_is_enough_where_that_is_accepted),
        trial("a_cancelled_encode_leaves_nothing_behind", local::a_cancelled_encode_leaves_nothing_behind),
        trial("what_crashes_twice_is_given_up", limits::what_crashes_twice_is_given_up),
        trial("films_beyond_the_limits_are_refused", limits::films_beyond_the_limits_are_refused),
        trial("films_within_the_limits_are_not_refused", limits::films_within_the_limits_are_not),
        trial("times_that_wrap_are_refused", limits::times_that_wrap_are_refused),
        trial("a_child_that_wants_too_much_memory_is_ended", limits::a_child_is_ended_when_it_wants_too_much_memory),
        trial("a_child_that_computes_for_too_long_is_ended", limits::a_child_is_ended_when_it_computes_for_too_long),
        trial("a_child_that_says_nothing_is_ended", limits::a_child_is_ended_when_it_says_nothing),
        trial("a_child_whose_time_is_over_is_ended", limits::a_child_is_ended_when_its_time_is_over),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test that runs on a runtime of its own and fails by panic.
fn trial<F: Future<Output = ()> + 'static>(name: &str, test: fn() -> F) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failed::from)?;
        runtime.block_on(test());
        Ok(())
    })
}
