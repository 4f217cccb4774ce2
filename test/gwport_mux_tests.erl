-module(gwport_mux_tests).

-define(PROPER_NO_TRANS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-define(MAX_HEAD, 1000).
-define(WINDOW, 100).
-define(REQUEST_WINDOW, 50).
-define(MAX_CREDIT, 2147483647).
-define(NIL, <<131, 106>>).

%% The states of SPEC.md, 7.3, row by row. Each case drives a stream into a state, and says what one
%% event makes of it.

open_sends_its_end_and_is_local_ended_test_() ->
    [fun() ->
        {Commands, Mux} = gwport_mux:send(256, Kind, [], open_stream()),
        ?assertEqual([{write, 256, Kind, []}], Commands),
        %% Local ended: an abort is answered only if our end still waits to be written.
        ?assertEqual({[event(256, {abort, cancelled, <<>>}), {replace, 256, {2, <<>>}}, closed(256)], 0},
            then({abort, 256, term({2, <<>>})}, Mux))
    end || Kind <- [fin, trailers]].

open_receives_the_other_end_aborts_with_no_error_and_is_closed_test_() ->
    [fun() ->
        ?assertEqual({[event(256, Event), {write, 256, abort, {0, <<>>}}, closed(256)], 0},
            then(Frame, Mux))
    end || {Frame, Event, Mux} <- ends()].

open_sends_abort_and_is_aborting_test() ->
    {Commands, Mux} = gwport_mux:abort(256, cancelled, <<"left">>, open_stream()),
    ?assertEqual([{write, 256, abort, {2, <<"left">>}}], Commands),
    ?assertEqual(1, gwport_mux:live(Mux)),
    ?assertEqual({[], 1}, then({head, 256, <<"head">>}, Mux)).

open_receives_abort_answers_with_its_code_and_is_closed_test_() ->
    [?_assertEqual({[event(256, {abort, Name, <<"why">>}), {write, 256, abort, {Code, <<>>}}, closed(256)],
            0}, then({abort, 256, term({Code, <<"why">>})}, open_stream()))
        || {Code, Name} <- [{0, no_error}, {1, internal_error}, {6, refused}, {7, no_app},
            {15, port_closed}]].

local_ended_receives_the_other_end_and_is_closed_test_() ->
    [fun() ->
        {_, Ended} = gwport_mux:send(256, fin, [], Mux),
        ?assertEqual({[event(256, Event), {replace, 256, {0, <<>>}}, closed(256)], 0}, then(Frame, Ended))
    end || {Frame, Event, Mux} <- ends()].

local_ended_sends_abort_and_is_aborting_test() ->
    {Commands, Mux} = gwport_mux:abort(256, deadline, <<>>, local_ended()),
    ?assertEqual([{write, 256, abort, {3, <<>>}}], Commands),
    ?assertEqual({[], 1}, then({head, 256, <<"head">>}, Mux)).

local_ended_receives_abort_answers_if_its_end_is_not_written_and_is_closed_test() ->
    ?assertEqual({[event(256, {abort, cancelled, <<>>}), {replace, 256, {2, <<>>}}, closed(256)], 0},
        then({abort, 256, term({2, <<>>})}, local_ended())).

a_stream_without_a_body_is_local_ended_from_the_start_test() ->
    {[], Mux} = gwport_mux:opened(opening(256, #{body => none}), mux()),
    ?assertEqual({[event(256, {abort, cancelled, <<>>}), closed(256, now)], 0},
        then({abort, 256, term({2, <<>>})}, Mux)).

aborting_receives_the_other_end_or_abort_and_is_closed_test_() ->
    [?_assertEqual({[closed(256)], 0}, then(Frame, aborting()))
        || Frame <- [{fin, 256, ?NIL}, {trailers, 256, term([])}, {reply, 256, <<"reply">>},
            {abort, 256, term({2, <<>>})}, {abort, 256, <<"junk">>}]].

aborting_receives_anything_else_and_ignores_it_test_() ->
    [?_assertEqual({[], 1}, then(Frame, aborting()))
        || Frame <- [{head, 256, <<>>}, {inform, 256, <<>>}, {chunk, 256, <<"x">>}, {chunk, 256, <<>>},
            {chunk, 256, binary:copy(<<"x">>, 65537)}, {credit, 256, term(0)}, {entered, 256, ?NIL},
            {entered, 256, <<"junk">>}]].

aborting_sends_nothing_more_test_() ->
    Mux = aborting(),
    [?_assertEqual([], element(1, gwport_mux:send(256, chunk, <<"x">>, Mux))),
     ?_assertEqual([], element(1, gwport_mux:send(256, fin, [], Mux))),
     ?_assertEqual([], element(1, gwport_mux:abort(256, deadline, <<>>, Mux))),
     ?_assertEqual([], element(1, gwport_mux:abort(256, cancelled, <<>>, Mux)))].

closed_receives_anything_but_open_and_ignores_it_test_() ->
    {_, Mux} = did(gwport_mux:frame({abort, 256, term({2, <<>>})}, open_stream())),
    [?_assertEqual({[], 0}, then({Kind, 256, Payload}, Mux))
        || Kind <- [entered, chunk, fin, trailers, credit, abort, inform, head, reply],
            Payload <- [<<"junk">>, ?NIL]].

closed_sends_nothing_test_() ->
    {_, Mux} = did(gwport_mux:frame({abort, 256, term({2, <<>>})}, open_stream())),
    [?_assertEqual([], element(1, gwport_mux:send(256, chunk, <<"x">>, Mux))),
     ?_assertEqual([], element(1, gwport_mux:send(256, fin, [], Mux))),
     ?_assertEqual([], element(1, gwport_mux:consumed(256, 100, Mux))),
     ?_assertEqual([], element(1, gwport_mux:abort(256, cancelled, <<>>, Mux))),
     ?_assertEqual([], element(1, gwport_mux:abort(256, cancelled, <<>>, Mux)))].

what_comes_after_the_own_end_is_not_sent_test_() ->
    [?_assertEqual([], element(1, gwport_mux:send(256, Kind, Data, local_ended())))
        || {Kind, Data} <- [{chunk, <<"x">>}, {fin, []}, {trailers, []}]].

%% Numbers [R2, R3]

a_frame_for_a_number_that_was_skipped_is_ignored_test() ->
    {_, Mux} = gwport_mux:opened(opening(300), mux()),
    ?assertEqual({[], 1}, then({chunk, 298, <<"x">>}, Mux)).

a_frame_for_a_number_above_every_open_is_a_fault_test_() ->
    {_, Mux} = gwport_mux:opened(opening(256), mux()),
    [?_assertMatch({fault, bad_stream, _}, gwport_mux:frame({Kind, N, ?NIL}, Mux))
        || N <- [258, 2147483646], Kind <- [head, chunk, fin, abort, entered, credit, reply]].

a_frame_before_any_open_is_a_fault_test() ->
    ?assertMatch({fault, bad_stream, _}, gwport_mux:frame({head, 256, <<>>}, mux())).

a_frame_for_an_odd_number_is_a_fault_test() ->
    {_, Mux} = gwport_mux:opened(opening(300), mux()),
    [?assertMatch({fault, bad_stream, _}, gwport_mux:frame({head, N, <<>>}, Mux)) || N <- [257, 299, 301]].

an_open_by_the_program_is_a_fault_whatever_its_number_test_() ->
    {_, Mux0} = gwport_mux:opened(opening(256), mux()),
    {_, Mux} = gwport_mux:opened(opening(260), Mux0),
    [{Claim, ?_assertMatch({fault, bad_stream, _}, gwport_mux:frame({open, N, <<>>}, Mux))}
        || {Claim, N} <- [{"live", 256}, {"skipped", 258}, {"never opened", 262}, {"odd", 257}]].

the_fault_names_kind_and_number_test() ->
    {fault, bad_stream, Sentence} = gwport_mux:frame({head, 258, <<>>}, mux()),
    ?assertNotEqual(nomatch, binary:match(Sentence, <<"head">>)),
    ?assertNotEqual(nomatch, binary:match(Sentence, <<"258">>)).

streams_do_not_hear_each_other_test() ->
    {_, Mux0} = gwport_mux:opened(opening(256), mux()),
    {_, Mux1} = gwport_mux:opened(opening(258), Mux0),
    {ok, [Event], Mux2} = gwport_mux:frame({head, 258, <<"h">>}, Mux1),
    ?assertEqual(event(258, {head, <<"h">>}), Event),
    %% 256 has no head yet.
    ?assertMatch({ok, [{deliver, _, {abort, bad_order, _}}, _], _},
        gwport_mux:frame({chunk, 256, <<"x">>}, Mux2)).

%% Order [S1]

informs_head_chunks_and_fin_are_delivered_in_order_test() ->
    {Commands, 0} = frames([{inform, <<"a">>}, {inform, <<"b">>}, {head, <<"h">>}, {chunk, <<"1">>},
        {chunk, <<"2">>}, {fin, ?NIL}], bodiless()),
    ?assertEqual([event(256, E) || E <- [{inform, <<"a">>}, {inform, <<"b">>}, {head, <<"h">>},
        {chunk, <<"1">>}, {chunk, <<"2">>}, fin]] ++ [closed(256, now)], Commands).

a_head_may_be_followed_by_fin_or_trailers_at_once_test() ->
    ?assertEqual({[event(256, {head, <<"h">>}), event(256, fin), closed(256, now)], 0},
        frames([{head, <<"h">>}, {fin, ?NIL}], bodiless())),
    ?assertEqual({[event(256, {head, <<"h">>}), event(256, {trailers, <<"t">>}), closed(256, now)], 0},
        frames([{head, <<"h">>}, {trailers, <<"t">>}], bodiless())).

a_frame_out_of_order_aborts_the_stream_test_() ->
    [{lists:concat([Kind, " after ", length(Before)]),
        ?_assertMatch({{abort, bad_order, _}, {9, _}}, failed(Kind, Payload, frames_mux(Before)))}
        || {Before, Kind, Payload} <- [
            {[], chunk, <<"x">>}, {[{inform, <<>>}], chunk, <<"x">>},
            {[{head, <<>>}], head, <<>>}, {[{head, <<>>}], inform, <<>>},
            {[{head, <<>>}, {chunk, <<"x">>}], head, <<>>},
            {[{head, <<>>}, {chunk, <<"x">>}], inform, <<>>}]].

%% Its sender has ended its half with it, whatever is wrong, and will not answer an abort.
a_bad_end_is_an_end_and_no_answer_is_awaited_test_() ->
    [{lists:concat([Kind, " after ", length(Before), ": ", Name]), fun() ->
        Open = frames_mux(Before),
        {ok, Commands, Mux} = gwport_mux:frame({Kind, 256, Payload}, Open),
        ?assertMatch([{deliver, _, {abort, Name, _}}, {write, 256, abort, {Code, _}}, {closed, _, _, _, written}], Commands),
        ?assertEqual(0, gwport_mux:live(Mux)),
        {_, Ended} = gwport_mux:send(256, fin, [], Open),
        {ok, Queued, _} = gwport_mux:frame({Kind, 256, Payload}, Ended),
        ?assertMatch([{deliver, _, {abort, Name, _}}, {replace, 256, {Code, _}}, {closed, _, _, _, written}], Queued)
    end} || {Before, Kind, Payload, Name, Code} <- [
        {[], fin, ?NIL, bad_order, 9}, {[], trailers, term([]), bad_order, 9},
        {[{inform, <<>>}], fin, ?NIL, bad_order, 9}, {[{head, <<>>}], reply, <<>>, bad_order, 9},
        {[{head, <<>>}], fin, <<>>, bad_payload, 8}, {[{head, <<>>}], fin, term(0), bad_payload, 8},
        {[{head, <<>>}], fin, <<131, 106, 0>>, bad_payload, 8},
        {[{head, <<>>}], trailers, binary:copy(<<"t">>, ?MAX_HEAD + 1), too_large, 12},
        {[], reply, binary:copy(<<"r">>, ?MAX_HEAD + ?WINDOW + 1), too_large, 12}]].

after_its_own_fault_a_stream_awaits_the_answer_test() ->
    {ok, _, Mux} = gwport_mux:frame({chunk, 256, <<"x">>}, open_stream()),
    ?assertEqual({[], 1}, then({head, 256, <<>>}, Mux)),
    ?assertEqual({[closed(256)], 0}, then({abort, 256, term({9, <<>>})}, Mux)).

sixteen_informs_pass_and_the_17th_aborts_test() ->
    Mux = frames_mux(lists:duplicate(15, {inform, <<>>})),
    {ok, [Event], Mux16} = gwport_mux:frame({inform, 256, <<"16">>}, Mux),
    ?assertEqual(event(256, {inform, <<"16">>}), Event),
    ?assertMatch({{abort, bad_order, _}, {9, _}}, failed(inform, <<>>, Mux16)).

entered_carries_the_empty_list_test_() ->
    [?_assertMatch({{abort, bad_payload, _}, {8, _}}, failed(entered, Payload, frames_mux([{head, <<>>}])))
        || Payload <- [<<>>, term(0), <<131, 106, 0>>]].

entered_is_told_to_nobody_test() ->
    ?assertEqual({[], 1}, then({entered, 256, ?NIL}, open_stream())).

%% Limits

a_chunk_of_65536_bytes_passes_test() ->
    Data = binary:copy(<<"x">>, 65536),
    ?assertEqual({[event(256, {chunk, Data})], 1}, then({chunk, 256, Data}, streaming(100000))).

a_chunk_of_65537_bytes_is_a_bad_payload_test() ->
    ?assertMatch({{abort, bad_payload, _}, {8, _}},
        failed(chunk, binary:copy(<<"x">>, 65537), streaming(100000))).

a_chunk_of_no_bytes_is_a_bad_payload_test() ->
    ?assertMatch({{abort, bad_payload, _}, {8, _}}, failed(chunk, <<>>, streaming(100000))).

a_small_piece_of_a_large_read_does_not_keep_it_test() ->
    Read = binary:copy(<<"x">>, 10000),
    <<Small:100/binary, _/binary>> = Read,
    {ok, [{deliver, _, {chunk, Data}}], _} = gwport_mux:frame({chunk, 256, Small}, streaming(1000)),
    ?assertEqual(100, byte_size(Data)),
    ?assert(binary:referenced_byte_size(Data) < 10000).

heads_informs_and_trailers_of_max_head_bytes_pass_test_() ->
    Payload = binary:copy(<<"h">>, ?MAX_HEAD),
    [?_assertMatch({ok, [{deliver, _, {Kind, Payload}} | _], _},
        gwport_mux:frame({Kind, 256, Payload}, Mux)) || {Kind, Mux} <- heads()].

heads_and_informs_of_max_head_and_1_bytes_are_too_large_test_() ->
    Payload = binary:copy(<<"h">>, ?MAX_HEAD + 1),
    [?_assertMatch({{abort, too_large, _}, {12, _}}, failed(Kind, Payload, Mux))
        || {Kind, Mux} <- heads(), Kind =/= trailers].

heads() ->
    [{inform, open_stream()}, {head, open_stream()}, {trailers, frames_mux([{head, <<>>}])}].

a_reply_of_max_head_and_a_full_window_passes_test() ->
    Payload = binary:copy(<<"r">>, ?MAX_HEAD + ?WINDOW),
    ?assertMatch({[{deliver, _, {reply, Payload, ?WINDOW}} | _], 0},
        then({reply, 256, Payload}, open_stream())).

%% Credit [C1-C5]

the_first_credit_of_a_body_is_the_window_of_ready_test() ->
    {Commands, _} = gwport_mux:opened(opening(256, #{body => now}), mux()),
    ?assertEqual([event(256, {credit, ?REQUEST_WINDOW})], Commands).

the_first_credit_of_a_client_that_waits_is_0_test() ->
    ?assertMatch({[], _}, gwport_mux:opened(opening(256, #{body => continue}), mux())).

a_window_of_0_is_not_announced_test() ->
    Mux = gwport_mux:new(#{window => 0, max_head => ?MAX_HEAD, files => true, hijack => true}),
    ?assertMatch({[], _}, gwport_mux:opened(opening(256, #{body => now}), Mux)).

a_grant_is_passed_on_test() ->
    {_, Mux} = gwport_mux:opened(opening(256, #{body => continue}), mux()),
    {ok, [Event], Mux1} = gwport_mux:frame({credit, 256, term(10)}, Mux),
    ?assertEqual(event(256, {credit, 10}), Event),
    ?assertMatch({[{write, 256, chunk, <<"0123456789">>}], _},
        gwport_mux:send(256, chunk, <<"0123456789">>, Mux1)).

an_end_that_sends_what_it_may_not_costs_its_stream_test_() ->
    {_, More} = gwport_mux:opened(opening(256), gwport_mux:new(#{window => 100000, max_head => 1024, files => true, hijack => true})),
    Bytes = fun(Size) -> binary:copy(<<"x">>, Size) end,
    [[?_assertMatch({[{write, 256, chunk, Data}], _}, gwport_mux:send(256, chunk, Data, Mux))
        || {Data, Mux} <- [{Bytes(?REQUEST_WINDOW), open_stream()}, {Bytes(65536), More}, {[<<"x">>], open_stream()}]],
    [?_assertMatch({[{deliver, _, {abort, internal_error, _}}, {write, 256, abort, {1, _}}], _},
        gwport_mux:send(256, chunk, Data, Mux))
        || {Data, Mux} <- [{Bytes(?REQUEST_WINDOW + 1), open_stream()}, {Bytes(65537), More}, {<<>>, open_stream()},
            {[x], open_stream()}]]].

a_sum_of_credit_up_to_2147483647_passes_test() ->
    ?assertMatch({[_], 1}, then({credit, 256, term(?MAX_CREDIT - ?REQUEST_WINDOW)}, open_stream())).

a_sum_of_credit_above_2147483647_is_bad_credit_test() ->
    ?assertMatch({{abort, bad_credit, _}, {10, _}},
        failed(credit, term(?MAX_CREDIT - ?REQUEST_WINDOW + 1), open_stream())).

what_was_sent_makes_room_for_credit_test() ->
    {_, Mux} = gwport_mux:send(256, chunk, <<"12345">>, open_stream()),
    ?assertMatch({[_], 1}, then({credit, 256, term(?MAX_CREDIT - ?REQUEST_WINDOW + 5)}, Mux)).

a_grant_below_1_is_bad_credit_test_() ->
    [?_assertMatch({{abort, bad_credit, _}, {10, _}}, failed(credit, term(Grant), open_stream()))
        || Grant <- [0, -1, 1 bsl 70]].

a_grant_that_is_no_integer_is_a_bad_payload_test_() ->
    [?_assertMatch({{abort, bad_payload, _}, {8, _}}, failed(credit, Payload, open_stream()))
        || Payload <- [term(1.0), term([]), <<>>, <<"junk">>, term({1})]].

a_grant_for_a_half_that_has_ended_is_ignored_test_() ->
    [?_assertEqual({[], 1}, then({credit, 256, Payload}, local_ended()))
        || Payload <- [term(10), term(0), term(?MAX_CREDIT), <<"junk">>]].

bytes_up_to_credit_pass_and_one_more_is_flow_exceeded_test() ->
    Data = binary:copy(<<"x">>, ?WINDOW),
    {ok, [Event], Mux} = gwport_mux:frame({chunk, 256, Data}, streaming(?WINDOW)),
    ?assertEqual(event(256, {chunk, Data}), Event),
    ?assertMatch({{abort, flow_exceeded, _}, {11, _}}, failed(chunk, <<"x">>, Mux)).

half_a_window_is_granted_again_and_less_is_not_test() ->
    {ok, _, Mux} = gwport_mux:frame({chunk, 256, binary:copy(<<"x">>, ?WINDOW)}, streaming(?WINDOW)),
    {[], Mux1} = gwport_mux:consumed(256, ?WINDOW div 2 - 1, Mux),
    {Commands, Mux2} = gwport_mux:consumed(256, 1, Mux1),
    ?assertEqual([{write, 256, credit, ?WINDOW div 2}], Commands),
    ?assertMatch({[_], 1}, then({chunk, 256, binary:copy(<<"x">>, ?WINDOW div 2)}, Mux2)),
    ?assertMatch({{abort, flow_exceeded, _}, _},
        failed(chunk, binary:copy(<<"x">>, ?WINDOW div 2 + 1), Mux2)).

what_was_granted_is_not_granted_twice_test() ->
    {ok, _, Mux} = gwport_mux:frame({chunk, 256, binary:copy(<<"x">>, ?WINDOW)}, streaming(?WINDOW)),
    {[{write, 256, credit, 60}], Mux1} = gwport_mux:consumed(256, 60, Mux),
    {[], Mux2} = gwport_mux:consumed(256, 30, Mux1),
    ?assertMatch({[], _}, gwport_mux:consumed(256, 10, Mux2)).

a_window_of_1_goes_on_test() ->
    {ok, _, Mux} = gwport_mux:frame({chunk, 256, <<"x">>}, streaming(1)),
    ?assertMatch({[{write, 256, credit, 1}], _}, gwport_mux:consumed(256, 1, Mux)).

nothing_consumed_grants_nothing_test() ->
    ?assertMatch({[], _}, gwport_mux:consumed(256, 0, streaming(0))).

a_reply_says_how_much_body_was_allowed_test() ->
    {_, Mux} = gwport_mux:opened(opening(256, #{window => 7}), mux()),
    ?assertMatch({[{deliver, _, {reply, <<"r">>, 7}} | _], 0}, then({reply, 256, <<"r">>}, Mux)).

%% Aborts [A1-A3]

an_abort_with_an_unknown_code_counts_as_internal_error_and_is_answered_with_it_test() ->
    ?assertMatch({[{deliver, _, {abort, internal_error, <<>>}}, {write, 256, abort, {99, <<>>}} | _], 0},
        then({abort, 256, term({99, <<>>})}, open_stream())).

an_abort_that_cannot_be_read_is_a_bad_payload_and_closes_test_() ->
    [?_assertMatch({[{deliver, _, {abort, bad_payload, _}}, {write, 256, abort, {8, _}}, {closed, _, _, _, written}],
            0}, then({abort, 256, Payload}, open_stream()))
        || Payload <- [<<>>, <<"junk">>, term({1}), term({cancelled, <<>>}), term({2, "text"})]].

a_text_is_cut_at_1024_bytes_test() ->
    [begin
        {[{deliver, _, {abort, cancelled, Text}} | _], 0} =
            then({abort, 256, term({2, binary:copy(<<"t">>, Size)})}, open_stream()),
        ?assertEqual(min(Size, 1024), byte_size(Text))
    end || Size <- [1024, 1025]].

a_reply_to_a_request_without_a_body_is_held_to_its_limit_test() ->
    {[], Mux} = gwport_mux:opened(opening(256, #{body => none}), mux()),
    Fits = binary:copy(<<"r">>, ?MAX_HEAD + ?WINDOW),
    ?assertEqual({[event(256, {reply, Fits, ?WINDOW}), closed(256, now)], 0}, then({reply, 256, Fits}, Mux)),
    ?assertMatch({[{deliver, _, {abort, too_large, _}}, {closed, 256, _, ?WINDOW, now}], 0},
        then({reply, 256, <<Fits/binary, "r">>}, Mux)).

a_request_without_a_body_is_whole_whatever_comes_before_its_reply_test() ->
    {[], Mux} = gwport_mux:opened(opening(256, #{body => none}), mux()),
    {ok, [Inform], Mux1} = gwport_mux:frame({inform, 256, <<"i">>}, Mux),
    ?assertEqual(event(256, {inform, <<"i">>}), Inform),
    ?assertEqual({[event(256, {reply, <<"r">>, ?WINDOW}), closed(256, now)], 0}, then({reply, 256, <<"r">>}, Mux1)),
    {Aborts, Aborted} = gwport_mux:abort(256, cancelled, <<>>, Mux),
    ?assertEqual([{write, 256, abort, {2, <<>>}}], Aborts),
    ?assertEqual({[closed(256, written)], 0}, then({reply, 256, <<"r">>}, Aborted)).

an_abort_is_overdue_at_the_second_look_test() ->
    {0, Mux1} = gwport_mux:overdue(aborting()),
    {1, Mux2} = gwport_mux:overdue(Mux1),
    ?assertMatch({1, _}, gwport_mux:overdue(Mux2)),
    {ok, [_], Mux3} = gwport_mux:frame({abort, 256, term({2, <<>>})}, Mux2),
    ?assertMatch({0, _}, gwport_mux:overdue(Mux3)).

a_live_stream_is_never_overdue_test() ->
    {0, Mux} = gwport_mux:overdue(open_stream()),
    ?assertMatch({0, _}, gwport_mux:overdue(Mux)).

only_answered_streams_count_as_served_test() ->
    ?assertEqual(0, gwport_mux:served(open_stream())),
    {ok, _, Replied} = gwport_mux:frame({reply, 256, <<>>}, open_stream()),
    ?assertEqual(1, gwport_mux:served(Replied)),
    {ok, _, Aborted} = gwport_mux:frame({abort, 256, term({2, <<>>})}, open_stream()),
    ?assertEqual(0, gwport_mux:served(Aborted)),
    {ok, _, Answered} = gwport_mux:frame({reply, 256, <<>>}, aborting()),
    ?assertEqual(0, gwport_mux:served(Answered)).

%% The end of a port, and who was entered [R5, R6, D1]

a_drain_closes_the_streams_above_its_number_as_not_entered_test() ->
    {_, Mux0} = gwport_mux:opened(opening(256), mux()),
    {_, Mux1} = gwport_mux:opened(opening(258, #{idempotent => true}), Mux0),
    {_, Mux2} = gwport_mux:opened(opening(260), Mux1),
    {Commands, Mux3} = gwport_mux:drained(256, Mux2),
    ?assertEqual(lists:sort([event(258, {port_down, false, drain}), closed(258),
        event(260, {port_down, false, drain}), closed(260)]), lists:sort(Commands)),
    ?assertEqual(1, gwport_mux:live(Mux3)),
    %% They are closed, not unknown.
    ?assertEqual({[], 1}, then({abort, 260, term({6, <<>>})}, Mux3)),
    ?assertMatch({[_], 1}, then({head, 256, <<>>}, Mux3)).

a_drain_with_255_closes_every_stream_test() ->
    {_, Mux} = gwport_mux:drained(255, open_stream()),
    ?assertEqual(0, gwport_mux:live(Mux)).

a_stream_that_was_aborted_hears_nothing_of_a_drain_test() ->
    ?assertMatch({[{closed, _, _, _, written}], _}, gwport_mux:drained(255, aborting())).

a_clean_end_without_entered_is_not_entered_test() ->
    ?assertEqual([event(256, {port_down, false, closed})], port_down(true, open_stream())).

an_end_that_is_not_clean_counts_as_entered_test() ->
    ?assertEqual([event(256, {port_down, true, closed})], port_down(false, open_stream())).

an_idempotent_stream_counts_as_entered_test() ->
    {_, Mux} = gwport_mux:opened(opening(256, #{idempotent => true}), mux()),
    ?assertEqual([event(256, {port_down, true, closed})], port_down(true, Mux)).

entered_inform_and_head_say_that_the_app_was_entered_test_() ->
    [?_assertEqual([event(256, {port_down, true, closed})], port_down(true, frames_mux([Frame])))
        || Frame <- [{entered, ?NIL}, {inform, <<>>}, {head, <<>>}]].

credit_does_not_say_that_the_app_was_entered_test() ->
    ?assertEqual([event(256, {port_down, false, closed})],
        port_down(true, frames_mux([{credit, term(5)}]))).

a_stream_that_was_aborted_hears_nothing_of_the_ports_end_test() ->
    ?assertEqual([], port_down(true, aborting())).

every_live_stream_hears_of_the_ports_end_once_test() ->
    {_, Mux0} = gwport_mux:opened(opening(256), mux()),
    {_, Mux} = gwport_mux:opened(opening(258), Mux0),
    ?assertEqual(lists:sort([event(256, {port_down, false, closed}), event(258, {port_down, false, closed})]),
        lists:sort(port_down(true, Mux))).

port_down(Clean, Mux) ->
    gwport_mux:port_down(#{clean => Clean, reason => closed}, Mux).

%% Random sequences

%% Whatever comes in any order, for streams that live, are closed, or were skipped: each stream's
%% promises hold (see check/4), and once all is answered nothing is left.
promises_hold_whatever_comes_test_() ->
    gwport_gen:check(?FORALL({Openings, Steps}, {openings(), resize(150, list(step()))},
        begin
            {Mux0, Ledger0} = open_all(Openings),
            {Mux1, Ledger1} = lists:foldl(fun step/2, {Mux0, Ledger0}, Steps),
            {Mux2, Ledger2} = lists:foldl(fun(N, Acc) -> step({frame, N, abort, term({2, <<>>})}, Acc) end,
                {Mux1, Ledger1}, maps:keys(Ledger1)),
            gwport_mux:live(Mux2) =:= 0
                andalso gwport_mux:port_down(#{clean => true, reason => x}, Mux2) =:= []
                andalso [N || {N, #{closed := false}} <- maps:to_list(Ledger2)] =:= []
        end)).

openings() ->
    ?LET(Count, integer(1, 3), vector(Count, opening_gen())).

opening_gen() ->
    {oneof([none, now, continue]), boolean(), integer(0, 200)}.

open_all(Openings) ->
    {_, Mux, Ledger} = lists:foldl(fun({Body, Idempotent, Window}, {N, Mux0, Ledger0}) ->
        Opening = opening(N, #{body => Body, idempotent => Idempotent, window => Window}),
        {Commands, Mux1} = gwport_mux:opened(Opening, Mux0),
        First = case Body of now -> ?REQUEST_WINDOW; _ -> 0 end,
        Entry = #{window => Window, allowed => Window, taken => 0, unconsumed => 0,
            granted => First, credit => 0, sent => 0, local => case Body of none -> ended; _ -> open end,
            quiet => true, over => false, closed => false},
        %% A number is skipped after each.
        {N + 4, Mux1, check(N, open, Commands, Ledger0#{N => Entry})}
    end, {256, mux(), #{}}, Openings),
    {Mux, Ledger}.

%% The index of a stream is taken modulo how many there are.
step() ->
    Index = non_neg_integer(),
    frequency([
        {8, {frame_at, Index, kind_and_payload()}},
        {3, {send, Index, chunk, integer(1, 60)}},
        {1, {send, Index, oneof([fin, trailers]), 0}},
        {3, {consumed, Index, integer(0, 150)}},
        {1, {abort, Index}},
        {1, {skipped, Index, kind_and_payload()}},
        {1, {above, Index, kind_and_payload()}},
        {1, overdue}]).

kind_and_payload() ->
    frequency([
        {4, {chunk, ?LET(Size, frequency([{9, integer(0, 120)}, {1, integer(65536, 65537)}]),
            binary:copy(<<"x">>, Size))}},
        {4, {head, binary()}},
        {2, {inform, binary()}},
        {1, {reply, binary()}},
        {1, {fin, oneof([?NIL, binary()])}},
        {1, {trailers, binary()}},
        {3, {credit, oneof([binary(), ?LET(I, integer(0, 100), term(I)), term(?MAX_CREDIT)])}},
        {1, {abort, oneof([binary(), ?LET(I, integer(0, 20), term({I, <<>>}))])}},
        {1, {entered, oneof([?NIL, binary()])}}]).

step(overdue, {Mux0, Ledger}) ->
    {_, Mux} = gwport_mux:overdue(Mux0),
    {Mux, Ledger};
step({skipped, Index, {Kind, Payload}}, {Mux, Ledger}) ->
    {ok, [], Mux} = gwport_mux:frame({Kind, number(Index, Ledger) - 2, Payload}, Mux),
    {Mux, Ledger};
step({above, Index, {Kind, Payload}}, {Mux, Ledger}) ->
    N = 256 + 4 * map_size(Ledger) + 2 * Index,
    {fault, bad_stream, _} = gwport_mux:frame({Kind, N, Payload}, Mux),
    {Mux, Ledger};
step({frame_at, Index, {Kind, Payload}}, Acc = {_, Ledger}) ->
    step({frame, number(Index, Ledger), Kind, Payload}, Acc);
step({frame, N, Kind, Payload}, {Mux0, Ledger}) ->
    {ok, Commands, Mux} = gwport_mux:frame({Kind, N, Payload}, Mux0),
    {Mux, check(N, {frame, Kind, Payload}, Commands, Ledger)};
step({send, Index, Kind, Size}, {Mux0, Ledger}) ->
    N = number(Index, Ledger),
    %% A stream's end keeps to the credit it has heard of.
    #{N := #{credit := Credit}} = Ledger,
    case {Kind, min(Size, Credit)} of
        {chunk, 0} -> {Mux0, Ledger};
        {_, Bytes} ->
            {Commands, Mux} = gwport_mux:send(N, Kind, binary:copy(<<"y">>, Bytes), Mux0),
            {Mux, check(N, send, Commands, Ledger)}
    end;
step({consumed, Index, Size}, {Mux0, Ledger0}) ->
    N = number(Index, Ledger0),
    #{N := Entry = #{unconsumed := Unconsumed}} = Ledger0,
    Bytes = min(Size, Unconsumed),
    {Commands, Mux} = gwport_mux:consumed(N, Bytes, Mux0),
    {Mux, check(N, consumed, Commands, Ledger0#{N := Entry#{unconsumed := Unconsumed - Bytes}})};
step({abort, Index}, {Mux0, Ledger}) ->
    N = number(Index, Ledger),
    {Commands, Mux} = gwport_mux:abort(N, cancelled, <<>>, Mux0),
    {Mux, check(N, abort, Commands, over(N, Ledger))}.

number(Index, Ledger) ->
    256 + 4 * (Index rem map_size(Ledger)).

%% The end has said goodbye: no events are expected any more.
over(N, Ledger) ->
    maps:update_with(N, fun(Entry) -> Entry#{over := true} end, Ledger).

check(N, Cause, Commands, Ledger) ->
    Ledger1 = maps:update_with(N, fun(Entry) -> granted(Cause, Entry) end, Ledger),
    lists:foldl(fun(Command, Acc) ->
        maps:update_with(N, fun(Entry) -> command(Command, N, Entry) end, Acc)
    end, Ledger1, Commands).

granted({frame, credit, Payload}, Entry = #{granted := Granted}) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, Grant} when is_integer(Grant), Grant > 0 -> Entry#{granted := Granted + Grant};
        _ -> Entry
    end;
granted(_, Entry) ->
    Entry.

%% One command against what its stream has been promised; a badmatch is a broken promise.
command({deliver, To, Event}, N, Entry = #{over := false, closed := false}) ->
    true = To =:= to(N),
    delivered(Event, Entry);
command({write, N, abort, {Code, Text}}, N, Entry = #{closed := false}) when is_integer(Code), is_binary(Text) ->
    false = maps:get(aborted, Entry, false),
    Entry#{local := ended, quiet := false, aborted => true};
command({replace, N, {Code, Text}}, N, Entry = #{closed := false, local := ended})
        when is_integer(Code), is_binary(Text) ->
    Entry#{quiet := false};
command({write, N, chunk, Data}, N, Entry = #{local := open, sent := Sent, granted := Granted,
        credit := Credit}) ->
    true = Sent + byte_size(Data) =< Granted,
    Entry#{sent := Sent + byte_size(Data), credit := Credit - byte_size(Data)};
command({write, N, Kind, _}, N, Entry = #{local := open}) when Kind =:= fin; Kind =:= trailers ->
    Entry#{local := ended, quiet := false};
command({write, N, credit, Grant}, N, Entry = #{closed := false, allowed := Allowed, taken := Taken,
        window := Window, unconsumed := Unconsumed}) when Grant > 0 ->
    %% What is on its way and what was not consumed never exceed the window.
    true = Allowed + Grant - Taken + Unconsumed =< Window,
    Entry#{allowed := Allowed + Grant};
command({closed, N, Client, Window, Free}, N, Entry = #{closed := false, local := ended, quiet := Quiet,
        window := Window}) ->
    true = Client =:= client(N),
    %% Whose end the program has had from the start is the only one that is free at once.
    true = Quiet =:= (Free =:= now),
    Entry#{closed := true, over := true}.

delivered({credit, Grant}, Entry = #{local := open, credit := Credit, sent := Sent, granted := Granted}) ->
    true = Sent + Credit + Grant =< Granted,
    Entry#{credit := Credit + Grant};
delivered({chunk, Data}, Entry = #{allowed := Allowed, taken := Taken, unconsumed := Unconsumed}) ->
    Size = byte_size(Data),
    true = Size > 0 andalso Size =< 65536 andalso Taken + Size =< Allowed,
    Entry#{taken := Taken + Size, unconsumed := Unconsumed + Size};
delivered({Kind, Payload}, Entry) when Kind =:= inform; Kind =:= head ->
    true = is_binary(Payload),
    Entry;
delivered({reply, _, Credit}, Entry = #{window := Credit}) ->
    Entry#{over := true};
delivered(fin, Entry) ->
    Entry#{over := true};
delivered({trailers, _}, Entry) ->
    Entry#{over := true};
delivered({abort, _, _}, Entry) ->
    Entry#{over := true}.

%% A stream that the program takes over (SPEC.md, section 14).

new() -> {pid(), ref(1000), {ref(1000), tag}}.

offered() ->
    {[], Mux} = gwport_mux:opened(opening(256, #{body => upgrade, idempotent => true}), mux()),
    Mux.

taken_over() ->
    {ok, [{deliver, _, takeover}], Mux} = gwport_mux:frame({takeover, 256, ?NIL}, offered()),
    Mux.

claimed() ->
    {_, Mux} = gwport_mux:claim(256, new(), taken_over()),
    Mux.

an_offer_that_a_head_declines_is_ended_by_fin_test() ->
    ?assertEqual({[event(256, {head, <<"h">>}), {write, 256, fin, []}], 1}, then({head, 256, <<"h">>}, offered())).

an_offer_that_a_reply_declines_is_ended_by_an_abort_test() ->
    ?assertEqual({[event(256, {reply, <<"r">>, ?WINDOW}), {write, 256, abort, {0, <<>>}}, closed(256)], 0},
        then({reply, 256, <<"r">>}, offered())).

without_the_capability_an_offer_is_a_request_without_a_body_test() ->
    Without = gwport_mux:new(#{window => 10, max_head => ?MAX_HEAD, files => true, hijack => false}),
    {[], Mux} = gwport_mux:opened(opening(256, #{body => upgrade}), Without),
    ?assertEqual({[event(256, {abort, cancelled, <<>>}), closed(256, now)], 0}, then({abort, 256, term({2, <<>>})}, Mux)),
    ?assertMatch({fault, bad_frame, _}, gwport_mux:frame({takeover, 256, ?NIL}, Mux)).

a_takeover_of_what_is_not_offered_or_out_of_place_is_out_of_order_test_() ->
    [?_assertMatch({[{deliver, _, {abort, bad_order, _}}, {write, 256, abort, {9, _}}], 1},
        then({takeover, 256, ?NIL}, Mux)) || Mux <- [open_stream(), frames_mux([{head, <<>>}]), taken_over(), claimed()]].

a_takeover_carries_nothing_test() ->
    ?assertMatch({[{deliver, _, {abort, bad_payload, _}}, {write, 256, abort, {8, _}}], 1},
        then({takeover, 256, <<"x">>}, offered())).

nothing_but_credit_comes_before_the_connection_is_handed_over_test_() ->
    [?_assertMatch({[{deliver, _, {abort, flow_exceeded, _}}, {write, 256, abort, {11, _}}], 1},
        then({chunk, 256, <<"x">>}, taken_over())),
     ?_assertMatch({[{deliver, _, {abort, bad_order, _}}, {write, 256, abort, {9, _}}, _], 0},
        then({fin, 256, ?NIL}, taken_over())),
     ?_assertEqual({[], 1}, then({credit, 256, term(7)}, taken_over()))].

who_claims_a_stream_is_its_client_and_hears_of_the_credit_that_came_before_test() ->
    {_, _, To} = new(),
    {ok, [], Mux0} = gwport_mux:frame({credit, 256, term(7)}, taken_over()),
    {Commands, Mux} = gwport_mux:claim(256, new(), Mux0),
    ?assertEqual([{deliver, To, claimed}, {deliver, To, {credit, 7}}, {write, 256, credit, ?WINDOW}], Commands),
    ?assertEqual({[{deliver, To, {chunk, <<"x">>}}], 1}, then({chunk, 256, <<"x">>}, Mux)),
    ?assertEqual({[{deliver, To, {credit, 5}}], 1}, then({credit, 256, term(5)}, Mux)).

%% The word of that went to the client before.
nobody_claims_a_stream_that_has_been_aborted_test_() ->
    [begin
        {ok, _, Mux} = gwport_mux:frame(Frame, taken_over()),
        ?_assertEqual(gone, gwport_mux:claim(256, new(), Mux))
    end || Frame <- [{takeover, 256, ?NIL}, {chunk, 256, <<"x">>}, {credit, 256, term(0)}]].

trailers_and_files_are_not_of_a_connection_test_() ->
    [?_assertMatch({[{deliver, _, {abort, bad_order, _}} | _], _}, then({Kind, 256, term([])}, claimed()))
        || Kind <- [trailers, file, head, inform, reply]].

each_direction_of_a_connection_ends_by_itself_test() ->
    {Client = {_, _, To}, Mux0} = {new(), claimed()},
    Closed = {closed, 256, Client, ?WINDOW, written},
    {ok, Theirs, Mux1} = gwport_mux:frame({fin, 256, ?NIL}, Mux0),
    ?assertEqual([{deliver, To, fin}], Theirs),
    ?assertEqual({[{deliver, To, {credit, 9}}], 1}, then({credit, 256, term(9)}, Mux1)),
    {ok, _, Granted} = gwport_mux:frame({credit, 256, term(9)}, Mux1),
    {[{write, 256, chunk, <<"abc">>}], Sent} = gwport_mux:send(256, chunk, <<"abc">>, Granted),
    {[{write, 256, fin, []}, Closed], Last} = gwport_mux:send(256, fin, [], Sent),
    ?assertEqual({0, 1}, {gwport_mux:live(Last), gwport_mux:served(Last)}),
    {[{write, 256, fin, []}], Ours} = gwport_mux:send(256, fin, [], Mux0),
    {ok, [{deliver, To, {chunk, <<"x">>}}], Goes} = gwport_mux:frame({chunk, 256, <<"x">>}, Ours),
    ?assertEqual({[{deliver, To, fin}, {replace, 256, {0, <<>>}}, Closed], 0}, then({fin, 256, ?NIL}, Goes)).

%% On HTTP/2 a head comes first, nobody claims anything, and credit stays what it was.

connecting() ->
    {[{deliver, _, {credit, ?REQUEST_WINDOW}}], Mux} = gwport_mux:opened(opening(256, #{body => connect}), mux()),
    Mux.

connected() ->
    {ok, _, Mux0} = gwport_mux:frame({head, 256, <<"h">>}, connecting()),
    {ok, [{deliver, _, tunnel}], Mux} = gwport_mux:frame({takeover, 256, ?NIL}, Mux0),
    Mux.

a_tunnel_begins_behind_its_head_and_each_direction_ends_by_itself_test() ->
    ?assertEqual({[event(256, {chunk, <<"x">>})], 1}, then({chunk, 256, <<"x">>}, connected())),
    {ok, [_], Full} = gwport_mux:frame({chunk, 256, binary:copy(<<"x">>, ?WINDOW)}, connected()),
    ?assertMatch({[{deliver, _, {abort, flow_exceeded, _}}, {write, 256, abort, {11, _}}], 1},
        then({chunk, 256, <<"x">>}, Full)),
    {ok, Theirs, Mux1} = gwport_mux:frame({fin, 256, ?NIL}, connected()),
    ?assertEqual([event(256, fin)], Theirs),
    {[{write, 256, chunk, <<"abc">>}], Mux2} = gwport_mux:send(256, chunk, <<"abc">>, Mux1),
    ?assertEqual({[{write, 256, fin, []}, closed(256)], 0}, begin
        {Commands, Mux3} = gwport_mux:send(256, fin, [], Mux2),
        {Commands, gwport_mux:live(Mux3)}
    end).

a_tunnel_that_is_declined_is_a_request_with_a_body_test() ->
    {ok, _, Mux} = gwport_mux:frame({head, 256, <<"h">>}, connecting()),
    ?assertEqual({[event(256, fin), {write, 256, abort, {0, <<>>}}, closed(256)], 0}, then({fin, 256, ?NIL}, Mux)),
    ?assertEqual({[event(256, {reply, <<"r">>, ?WINDOW}), {write, 256, abort, {0, <<>>}}, closed(256)], 0},
        then({reply, 256, <<"r">>}, connecting())).

a_takeover_that_is_not_right_behind_the_head_of_a_tunnel_is_out_of_order_test_() ->
    {ok, _, Mux0} = gwport_mux:frame({head, 256, <<"h">>}, connecting()),
    {ok, _, Mux} = gwport_mux:frame({chunk, 256, <<"x">>}, Mux0),
    [?_assertMatch({[{deliver, _, {abort, bad_order, _}}, {write, 256, abort, {9, _}}], 1},
        then({takeover, 256, ?NIL}, M)) || M <- [connecting(), Mux, connected()]].

trailers_and_files_are_not_of_a_tunnel_test_() ->
    [?_assertMatch({[{deliver, _, {abort, bad_order, _}} | _], _}, then({Kind, 256, term([])}, connected()))
        || Kind <- [trailers, file, head, inform, reply]].

without_the_capability_a_tunnel_is_a_request_with_a_body_test() ->
    Without = gwport_mux:new(#{window => 10, max_head => ?MAX_HEAD, files => true, hijack => false}),
    {[{deliver, _, {credit, 10}}], Mux0} = gwport_mux:opened(opening(256, #{body => connect}), Without),
    {ok, [_], Mux} = gwport_mux:frame({head, 256, <<"h">>}, Mux0),
    ?assertMatch({fault, bad_frame, _}, gwport_mux:frame({takeover, 256, ?NIL}, Mux)),
    ?assertEqual({[event(256, fin), {write, 256, abort, {0, <<>>}}, closed(256)], 0}, then({fin, 256, ?NIL}, Mux)).

an_abort_of_ours_behind_the_programs_fin_is_not_answered_test() ->
    {ok, _, Mux} = gwport_mux:frame({fin, 256, ?NIL}, claimed()),
    ?assertMatch({[{write, 256, abort, {2, <<>>}}, {closed, 256, _, ?WINDOW, written}], _},
        gwport_mux:abort(256, cancelled, <<>>, Mux)),
    ?assertMatch({[{write, 256, abort, _}], _}, gwport_mux:abort(256, cancelled, <<>>, claimed())).

%% Helpers

mux() ->
    gwport_mux:new(#{window => ?REQUEST_WINDOW, max_head => ?MAX_HEAD, files => true, hijack => true}).

opening(N) ->
    opening(N, #{}).

opening(N, With) ->
    #{window := Window, body := Body, idempotent := IsIdempotent} =
        maps:merge(#{window => ?WINDOW, body => now, idempotent => false}, With),
    {N, client(N), Window, Body, IsIdempotent}.

%% The same in every process: EUnit makes and runs a test in two.
pid() -> whereis(init).

to(N) -> {ref(N), tag}.

ref(N) -> list_to_ref(lists:concat(["#Ref<0.0.1.", N, ">"])).

client(N) -> {pid(), ref(N), to(N)}.

open_stream() ->
    {_, Mux} = gwport_mux:opened(opening(256), mux()),
    Mux.

local_ended() ->
    {_, Mux} = gwport_mux:send(256, fin, [], open_stream()),
    Mux.

bodiless() ->
    {[], Mux} = gwport_mux:opened(opening(256, #{body => none}), mux()),
    Mux.

aborting() ->
    {[{write, 256, abort, _}], Mux} = gwport_mux:abort(256, cancelled, <<>>, open_stream()),
    Mux.

streaming(Window) ->
    {_, Mux0} = gwport_mux:opened(opening(256, #{window => Window}), mux()),
    {ok, _, Mux} = gwport_mux:frame({head, 256, <<>>}, Mux0),
    Mux.

%% The frames that end a response half, each with what its end hears and a stream it may come on.
ends() ->
    Headed = frames_mux([{head, <<>>}]),
    [{{reply, 256, <<"r">>}, {reply, <<"r">>, ?WINDOW}, open_stream()},
     {{fin, 256, ?NIL}, fin, Headed},
     {{trailers, 256, <<"t">>}, {trailers, <<"t">>}, Headed}].

event(N, Event) ->
    {deliver, to(N), Event}.

%% Its place is free at once, or when our half's end is written.
closed(N) ->
    closed(N, written).

closed(N, Free) ->
    {closed, N, client(N), ?WINDOW, Free}.

term(Term) ->
    term_to_binary(Term).

then(Frame, Mux) ->
    {Commands, Mux1} = did(gwport_mux:frame(Frame, Mux)),
    {Commands, gwport_mux:live(Mux1)}.

did({ok, Commands, Mux}) ->
    {Commands, Mux}.

frames(Frames, Mux) ->
    {Commands, Last} = lists:foldl(fun({Kind, Payload}, {Before, Mux0}) ->
        {ok, New, Mux1} = gwport_mux:frame({Kind, 256, Payload}, Mux0),
        {Before ++ New, Mux1}
    end, {[], Mux}, Frames),
    {Commands, gwport_mux:live(Last)}.

frames_mux(Frames) ->
    lists:foldl(fun({Kind, Payload}, Mux0) ->
        {ok, _, Mux} = gwport_mux:frame({Kind, 256, Payload}, Mux0),
        Mux
    end, open_stream(), Frames).

%% What the end hears and what is written when a frame is its stream's fault; it stays till answered.
failed(Kind, Payload, Mux) ->
    {ok, [{deliver, To, Event}, {write, 256, abort, Abort}], Mux1} =
        gwport_mux:frame({Kind, 256, Payload}, Mux),
    ?assertEqual(to(256), To),
    ?assertEqual(1, gwport_mux:live(Mux1)),
    {Event, Abort}.
