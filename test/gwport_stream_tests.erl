-module(gwport_stream_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [binary/0, boolean/0, elements/1, frequency/1, integer/2, list/1, oneof/1]).

-define(MAX_CHUNK, 65536).

%% The request's body

nothing_is_read_before_the_first_credit_test() ->
    Stream = stream(#{body => now}),
    ?assertMatch({[read], _}, event({port, {credit, 1}}, Stream)).

a_request_without_a_body_is_not_read_test() ->
    ?assertMatch({[], _}, event({port, {credit, 100}}, stream(#{body => none}))).

a_client_that_waits_is_told_to_go_on_by_the_first_grant_test() ->
    Stream = stream(#{body => continue}),
    ?assertMatch({[read], _}, event({port, {credit, 10}}, Stream)).

one_read_is_under_way_at_a_time_test() ->
    {[read], Stream} = event({port, {credit, 10}}, stream(#{})),
    ?assertMatch({[], _}, event({port, {credit, 10}}, Stream)).

what_was_read_is_sent_and_more_is_read_test() ->
    {_, Stream} = event({port, {credit, 10}}, stream(#{})),
    ?assertMatch({[{send, chunk, <<"abc">>}, read], _}, event({client, nofin, <<"abc">>}, Stream)).

an_empty_read_is_followed_by_another_test() ->
    {_, Stream} = event({port, {credit, 10}}, stream(#{})),
    ?assertMatch({[read], _}, event({client, nofin, <<>>}, Stream)).

what_is_beyond_credit_waits_and_no_more_is_read_test() ->
    {_, Stream0} = event({port, {credit, 2}}, stream(#{})),
    {Commands, Stream1} = event({client, nofin, <<"abcde">>}, Stream0),
    ?assertEqual([{send, chunk, <<"ab">>}], Commands),
    {More, Stream2} = event({port, {credit, 2}}, Stream1),
    ?assertEqual([{send, chunk, <<"cd">>}], More),
    ?assertMatch({[{send, chunk, <<"e">>}, read], _}, event({port, {credit, 2}}, Stream2)).

credit_that_is_just_used_up_asks_for_no_more_test() ->
    {_, Stream} = event({port, {credit, 3}}, stream(#{})),
    ?assertMatch({[{send, chunk, <<"abc">>}], _}, event({client, nofin, <<"abc">>}, Stream)).

a_body_that_was_read_whole_ends_in_fin_test() ->
    {_, Stream} = event({port, {credit, 10}}, stream(#{})),
    ?assertMatch({[{send, chunk, <<"abc">>}, {send, fin, []}], _},
        event({client, fin, <<"abc">>}, Stream)).

an_empty_body_is_a_fin_without_a_chunk_test() ->
    {_, Stream} = event({port, {credit, 10}}, stream(#{})),
    ?assertMatch({[{send, fin, []}], _}, event({client, fin, <<>>}, Stream)).

fin_costs_no_credit_test() ->
    {_, Stream} = event({port, {credit, 3}}, stream(#{})),
    ?assertMatch({[{send, chunk, <<"abc">>}, {send, fin, []}], _},
        event({client, fin, <<"abc">>}, Stream)).

fin_waits_for_what_is_held_test() ->
    {_, Stream0} = event({port, {credit, 1}}, stream(#{})),
    {[{send, chunk, <<"a">>}], Stream1} = event({client, fin, <<"ab">>}, Stream0),
    ?assertMatch({[{send, chunk, <<"b">>}, {send, fin, []}], _}, event({port, {credit, 1}}, Stream1)).

the_length_shows_an_end_that_the_client_hides_test() ->
    {_, Stream} = event({port, {credit, 10}}, stream(#{length => 3})),
    ?assertMatch({[{send, chunk, <<"abc">>}, {send, fin, []}], _},
        event({client, nofin, <<"abc">>}, Stream)).

a_chunk_has_at_most_65536_bytes_test() ->
    {_, Stream} = event({port, {credit, 1000000}}, stream(#{})),
    {Commands, _} = event({client, nofin, binary:copy(<<"x">>, 2 * ?MAX_CHUNK + 1)}, Stream),
    ?assertEqual([?MAX_CHUNK, ?MAX_CHUNK, 1], [byte_size(Data) || {send, chunk, Data} <- Commands]).

a_body_of_max_body_bytes_passes_test() ->
    {_, Stream0} = event({port, {credit, 100}}, stream(#{max_body => 5})),
    {_, Stream1} = event({client, nofin, <<"ab">>}, Stream0),
    ?assertMatch({[{send, chunk, <<"cde">>}, {send, fin, []}], _}, event({client, fin, <<"cde">>}, Stream1)).

a_body_of_max_body_and_1_bytes_is_too_large_test() ->
    {_, Stream0} = event({port, {credit, 100}}, stream(#{max_body => 5})),
    {_, Stream1} = event({client, nofin, <<"ab">>}, Stream0),
    ?assertMatch({[{abort, too_large, _}, {fail, too_large_body}], _},
        event({client, fin, <<"cdef">>}, Stream1)).

a_body_too_large_after_the_head_breaks_the_response_test() ->
    {_, Stream} = event({port, {credit, 100}}, streaming(#{max_body => 0})),
    ?assertMatch({[{abort, too_large, _}, {break, too_large_body}], _},
        event({client, fin, <<"a">>}, Stream)).

%% A client that is awaited sends so fast at least.

paced(With) ->
    stream(maps:merge(#{min_body_rate => 100, body_grace => 1000}, With)).

a_client_that_is_awaited_too_long_is_slow_test() ->
    {[read], Stream} = gwport_stream:event({port, {credit, 10}}, 500, paced(#{})),
    ?assertEqual(1000, gwport_stream:timeout(500, Stream)),
    ?assertMatch({[], _}, gwport_stream:event(timeout, 1499, Stream)),
    ?assertMatch({[{abort, idle_timeout, <<>>}, {fail, slow_body}], _}, gwport_stream:event(timeout, 1500, Stream)).

a_client_that_is_slow_behind_a_head_breaks_the_response_test() ->
    {[{head, _}], Stream0} = event(head(200, []), paced(#{})),
    {[read], Stream} = event({port, {credit, 10}}, Stream0),
    ?assertMatch({[_, {break, slow_body}], _}, gwport_stream:event(timeout, 1000, Stream)).

a_client_without_credit_is_not_slow_test() ->
    %% Not before the program wants something, and not when it has had that.
    ?assertMatch({[], _}, gwport_stream:event(timeout, 5000, paced(#{}))),
    {[read], Stream0} = event({port, {credit, 2}}, paced(#{})),
    {[{send, chunk, <<"ab">>}], Stream} = gwport_stream:event({client, nofin, <<"ab">>}, 999, Stream0),
    ?assertEqual(infinity, gwport_stream:timeout(999, Stream)),
    {[read], Stream1} = gwport_stream:event({port, {credit, 1}}, 90000, Stream),
    ?assertEqual(21, gwport_stream:timeout(90000, Stream1)).

a_read_beyond_credit_is_awaited_when_there_is_credit_test() ->
    {[read], Stream0} = event(tick, paced(#{})),
    {[], Stream} = gwport_stream:event({port, {credit, 1}}, 7000, Stream0),
    ?assertEqual(1000, gwport_stream:timeout(7000, Stream)).

a_tunnel_has_no_pace_test() ->
    {[takeover], Stream0} = event({port, takeover}, paced(#{})),
    {[read], Stream} = event({port, {credit, 1}}, Stream0),
    ?assertEqual(infinity, gwport_stream:timeout(0, Stream)).

a_request_that_waits_for_a_port_has_no_pace_test() ->
    {[read], Stream} = event({port, {credit, 1}}, paced(#{})),
    ?assertEqual(infinity, gwport_stream:timeout(9000, gwport_stream:waits(400, Stream))).

%% Ticks: a server that reads notices that its client has left.

a_tick_reads_ahead_of_credit_test() ->
    {[read], Stream} = event(tick, stream(#{})),
    {[], Stream1} = event(tick, Stream),
    {[], Stream2} = event({client, nofin, <<"abc">>}, Stream1),
    ?assertMatch({[read], _}, event(tick, Stream2)),
    ?assertMatch({[{send, chunk, <<"abc">>}, read], _}, event({port, {credit, 10}}, Stream2)).

a_tick_reads_nothing_of_a_client_that_was_not_told_to_go_on_test() ->
    ?assertMatch({[], _}, event(tick, stream(#{body => continue}))),
    {_, Stream0} = event({port, {credit, 1}}, stream(#{body => continue})),
    {_, Stream1} = event({client, nofin, <<"a">>}, Stream0),
    ?assertMatch({[read], _}, event(tick, Stream1)).

a_tick_reads_nothing_of_a_body_that_has_ended_test() ->
    ?assertMatch({[], _}, event(tick, stream(#{body => none}))),
    {_, Stream0} = event({port, {credit, 1}}, stream(#{})),
    {_, Stream1} = event({client, fin, <<"ab">>}, Stream0),
    ?assertMatch({[], _}, event(tick, Stream1)).

ticks_read_up_to_262144_bytes_ahead_test_() ->
    [?_assertEqual(Expected, commands(event(tick, then(0, {client, nofin, binary:copy(<<"x">>, Size)},
        then(0, tick, stream(#{}))))))
        || {Size, Expected} <- [{262143, [read]}, {262144, []}]].

a_body_may_go_on_while_the_response_does_test() ->
    {[read], Stream} = event({port, {credit, 100}}, streaming(#{})),
    ?assertMatch({[{send, chunk, <<"a">>}, read], _}, event({client, nofin, <<"a">>}, Stream)).

%% Whole responses

a_reply_is_passed_on_with_its_length_test() ->
    {[{reply, Head, <<"hello">>}, done], _} = event(reply(200, [], <<"hello">>), stream(#{})),
    ?assertMatch(#{status := 200, length := 5}, Head).

a_reply_with_the_length_it_has_passes_test() ->
    ?assertMatch({[{reply, #{length := 5}, <<"hello">>}, done], _},
        event(reply(200, [{<<"content-length">>, <<"5">>}], <<"hello">>), stream(#{}))).

a_reply_with_another_length_than_it_has_is_bad_test_() ->
    [?_assertMatch({[{abort, bad_response, _}, {fail, bad_response}], _},
        event(reply(200, [{<<"content-length">>, Length}], <<"hello">>), stream(#{})))
        || Length <- [<<"4">>, <<"6">>, <<"0">>]].

a_reply_for_head_keeps_its_length_and_loses_its_body_test() ->
    {[{reply, Head, <<>>}, done], _} = event(
        reply(200, [{<<"content-length">>, <<"1000">>}], <<"hello">>), stream(#{method => <<"HEAD">>})),
    ?assertMatch(#{length := 1000}, Head).

a_reply_with_a_status_without_a_body_loses_it_test_() ->
    [?_assertMatch({[{reply, #{code := Status}, <<>>}, done], _},
        event(reply(Status, [], <<"hello">>), stream(#{}))) || Status <- [204, 304]].

a_reply_beyond_its_credit_is_bad_test() ->
    ?assertMatch({[{reply, _, <<"hello">>}, done], _},
        event({port, {reply, term({200, [], <<"hello">>}), 5}}, stream(#{}))),
    ?assertMatch({[{abort, bad_response, _}, {fail, bad_response}], _},
        event({port, {reply, term({200, [], <<"hello">>}), 4}}, stream(#{}))).

a_reply_that_cannot_be_read_is_bad_test() ->
    ?assertMatch({[{abort, bad_response, _}, {fail, bad_response}], _},
        event({port, {reply, <<"junk">>, 100}}, stream(#{}))).

informs_are_passed_on_before_the_head_test() ->
    {[{inform, 103, [{<<"link">>, <<"x">>}]}], Stream} =
        event({port, {inform, term({103, [{<<"Link">>, <<"x">>}]})}}, stream(#{})),
    {[{inform, _, []}], Stream1} = event({port, {inform, term({102, []})}}, Stream),
    ?assertMatch({[{head, _}], _}, event(head(200, []), Stream1)).

an_inform_that_is_none_is_bad_test_() ->
    [?_assertMatch({[{abort, bad_response, _}, {fail, bad_response}], _},
        event({port, {inform, Payload}}, stream(#{})))
        || Payload <- [term({200, []}), term({101, []}), term({103, [{<<"content-length">>, <<"1">>}, {<<"content-length">>, <<"2">>}]})]].

a_head_that_cannot_be_read_is_bad_test_() ->
    [?_assertMatch({[{abort, bad_response, _}, {fail, bad_response}], _},
        event({port, {head, Payload}}, stream(#{})))
        || Payload <- [term({100, []}), term({200, [{<<"content-length">>, <<"1">>}, {<<"content-length">>, <<"2">>}]})]].

a_head_or_inform_of_another_shape_is_a_bad_payload_test_() ->
    [?_assertMatch({[{abort, bad_payload, _}, {fail, bad_response}], _},
        event({port, {Kind, Payload}}, stream(#{})))
        || Kind <- [head, inform], Payload <- [<<"junk">>, term(1), term({200}), term({<<"200">>, []}),
            term({200, 1}), term({200, [{<<"a">>, <<"b">>} | 1]}), term({200, [{<<"a">>, 1}]}), term({{200, 1}, []})]].

%% Streamed responses

chunks_are_handed_out_one_at_a_time_test() ->
    {[{data, nofin, One}], Stream0} = event(chunk(<<"1">>), streaming(#{})),
    ?assertEqual(<<"1">>, iolist_to_binary(One)),
    {[], Stream1} = event(chunk(<<"2">>), Stream0),
    {[], Stream2} = event(chunk(<<"3">>), Stream1),
    {[{consumed, 1}, {data, nofin, Two}], Stream3} = event(taken, Stream2),
    ?assertEqual(<<"23">>, iolist_to_binary(Two)),
    ?assertMatch({[{consumed, 2}], _}, event(taken, Stream3)).

small_chunks_that_waited_go_together_up_to_65536_bytes_test() ->
    {_, Stream0} = event(chunk(<<"1">>), streaming(#{})),
    Half = binary:copy(<<"x">>, ?MAX_CHUNK div 2),
    {_, Stream1} = event(chunk(Half), Stream0),
    {_, Stream2} = event(chunk(Half), Stream1),
    {_, Stream3} = event(chunk(<<"3">>), Stream2),
    {[{consumed, 1}, {data, nofin, Piece}], Stream4} = event(taken, Stream3),
    ?assertEqual(?MAX_CHUNK, iolist_size(Piece)),
    {[{consumed, ?MAX_CHUNK}, {data, nofin, Last}], _} = event(taken, Stream4),
    ?assertEqual(<<"3">>, iolist_to_binary(Last)).

what_is_left_of_a_queue_keeps_its_order_test() ->
    Pieces = [binary:copy(<<Letter>>, 40000) || Letter <- "abcd"],
    Stream = lists:foldl(fun(Piece, Before) -> then(0, chunk(Piece), Before) end, streaming(#{}), Pieces),
    {Out, _} = lists:mapfoldl(fun(_, Before) ->
        {[{consumed, _}, {data, nofin, Piece}], Next} = event(taken, Before),
        {iolist_to_binary(Piece), Next}
    end, Stream, tl(Pieces)),
    ?assertEqual(tl(Pieces), Out).

the_last_piece_carries_the_fin_test() ->
    {_, Stream0} = event(chunk(<<"1">>), streaming(#{})),
    {[], Stream1} = event(chunk(<<"2">>), Stream0),
    {[], Stream2} = event({port, fin}, Stream1),
    {[{consumed, 1}, {data, fin, Piece}, done], _} = event(taken, Stream2),
    ?assertEqual(<<"2">>, iolist_to_binary(Piece)).

a_fin_with_nothing_waiting_is_an_empty_last_piece_test() ->
    ?assertMatch({[{data, fin, <<>>}, done], _}, event({port, fin}, streaming(#{}))).

a_fin_waits_until_the_client_has_taken_test() ->
    {_, Stream0} = event(chunk(<<"1">>), streaming(#{})),
    {[], Stream1} = event({port, fin}, Stream0),
    ?assertMatch({[{consumed, 1}, {data, fin, <<>>}, done], _}, event(taken, Stream1)).

trailers_come_after_all_data_test() ->
    {_, Stream0} = event(chunk(<<"1">>), streaming(#{})),
    {[], Stream1} = event(chunk(<<"2">>), Stream0),
    {[], Stream2} = event({port, {trailers, term([{<<"X-Sum">>, <<"3">>}])}}, Stream1),
    {[{consumed, 1}, {data, nofin, _}], Stream3} = event(taken, Stream2),
    ?assertMatch({[{consumed, 1}, {trailers, [{<<"x-sum">>, <<"3">>}]}, done], _}, event(taken, Stream3)).

trailers_with_nothing_waiting_go_at_once_test() ->
    ?assertMatch({[{trailers, []}, done], _}, event({port, {trailers, term([])}}, streaming(#{}))).

trailers_that_cannot_be_read_break_the_response_test() ->
    ?assertMatch({[{abort, bad_response, _}, {break, bad_response}], _},
        event({port, {trailers, <<"junk">>}}, streaming(#{}))).

%% Content-length [S5]

chunks_that_add_up_to_the_length_pass_test() ->
    {[{data, nofin, _}], Stream0} = event(chunk(<<"12">>), with_length(<<"3">>)),
    {[], Stream1} = event(chunk(<<"3">>), Stream0),
    {[], Stream2} = event({port, fin}, Stream1),
    ?assertMatch({[_, {data, fin, _}, done], _}, event(taken, Stream2)).

more_bytes_than_the_length_break_the_response_test() ->
    {_, Stream} = event(chunk(<<"12">>), with_length(<<"3">>)),
    ?assertMatch({[{abort, bad_length, _}, {break, bad_length}], _}, event(chunk(<<"34">>), Stream)).

any_byte_after_a_length_of_0_breaks_the_response_test() ->
    ?assertMatch({[{abort, bad_length, _}, {break, bad_length}], _},
        event(chunk(<<"1">>), with_length(<<"0">>))).

a_length_of_0_and_no_bytes_pass_test() ->
    ?assertMatch({[{data, fin, <<>>}, done], _}, event({port, fin}, with_length(<<"0">>))).

%% What has come of it goes out before.
fewer_bytes_than_the_length_break_the_response_test_() ->
    {_, Taking} = event(chunk(<<"12">>), with_length(<<"4">>)),
    {[], Waiting} = event(chunk(<<"3">>), Taking),
    {_, Taken} = event(taken, Taking),
    [fun() ->
        ?assertMatch({[{break, bad_length}], _}, event(End, Taken)),
        {[], Stream0} = event(End, Waiting),
        {[{consumed, 2}, {data, nofin, [<<"3">>]}], Stream1} = event(taken, Stream0),
        ?assertMatch({[{consumed, 1}, {break, bad_length}], _}, event(taken, Stream1))
    end || End <- [{port, fin}, {port, {trailers, term([])}}]].

%% Responses without a body [S4]

a_head_without_a_body_is_answered_at_once_and_its_chunks_are_given_back_test_() ->
    [fun() ->
        {Commands, Stream0} = event(head(Status, [{<<"content-length">>, <<"1000">>}]),
            stream(#{method => Method})),
        ?assertMatch([{reply, #{code := Status}, <<>>}], Commands),
        {[{consumed, 3}], Stream1} = event(chunk(<<"abc">>), Stream0),
        %% Not checked against a length.
        ?assertMatch({[done], _}, event({port, fin}, Stream1)),
        ?assertMatch({[done], _}, event({port, {trailers, term([])}}, Stream1))
    end || {Method, Status} <- [{<<"HEAD">>, 200}, {<<"GET">>, 204}, {<<"GET">>, 304}]].

an_end_that_is_not_the_apps_after_a_response_without_a_body_is_done_test_() ->
    {_, Stream} = event(head(204, []), stream(#{deadline => 1000})),
    [?_assertMatch({[done], _}, event({port, {port_down, true, closed}}, Stream)),
        ?_assertMatch({[{abort, deadline, _}, done], _}, at(1000, timeout, Stream))].

an_app_that_fails_after_a_response_without_a_body_breaks_test_() ->
    {_, Stream} = event(head(204, []), stream(#{})),
    [?_assertEqual([{break, gwport_status:reason(Code)}],
        commands(event({port, {abort, Code, <<"text">>}}, Stream))) || Code <- codes()].

%% The program's end

an_abort_before_the_head_fails_with_its_reason_test_() ->
    [?_assertEqual([{fail, gwport_status:reason(Code)}],
        commands(event({port, {abort, Code, <<"text">>}}, stream(#{})))) || Code <- codes() -- [cancelled]].

an_app_that_gives_up_on_purpose_breaks_without_an_answer_test_() ->
    {_, Informed} = event({port, {inform, term({103, []})}}, stream(#{})),
    [?_assertEqual([{break, app_failed}], commands(event({port, {abort, cancelled, <<"text">>}}, Stream)))
        || Stream <- [stream(#{}), Informed]].

an_abort_after_the_head_breaks_with_its_reason_test_() ->
    [?_assertEqual([{break, gwport_status:reason(Code)}],
        commands(event({port, {abort, Code, <<"text">>}}, streaming(#{})))) || Code <- codes()].

%% It was flushed, and is sent before the response breaks off.
what_waits_for_the_client_goes_out_before_an_abort_breaks_test() ->
    {_, Stream0} = event(chunk(<<"1">>), streaming(#{body => now})),
    {[], Stream1} = event(chunk(<<"2">>), Stream0),
    {[], Stream2} = event({port, {abort, internal_error, <<>>}}, Stream1),
    {[], Stream3} = event({client, nofin, <<"not wanted any more">>}, Stream2),
    {[{consumed, 1}, {data, nofin, Piece}], Stream4} = event(taken, Stream3),
    ?assertEqual(<<"2">>, iolist_to_binary(Piece)),
    ?assertMatch({[{consumed, 1}, {break, app_failed}], _}, event(taken, Stream4)).

an_abort_after_an_inform_fails_test() ->
    {_, Stream} = event({port, {inform, term({103, []})}}, stream(#{})),
    ?assertMatch({[{fail, app_failed}], _}, event({port, {abort, internal_error, <<>>}}, Stream)).

codes() ->
    [no_error, internal_error, cancelled, deadline, head_timeout, idle_timeout, refused, no_app,
     bad_payload, bad_order, bad_credit, flow_exceeded, too_large, bad_length, bad_response, port_closed].

a_request_that_no_port_took_is_refused_with_why_test() ->
    [?assertMatch({[{refuse, Why}], _}, event({port, {refused, Why}}, stream(#{}))) || Why <- [busy, draining]].

the_end_of_a_port_fails_by_whether_the_app_was_entered_test() ->
    [?assertMatch({[{fail, Reason}], _}, event({port, Event}, stream(#{}))) || {Event, Reason} <- [
        {{port_down, true, closed}, port_died}, {{port_down, false, closed}, not_entered},
        {{port_down, false, drain}, draining}]].

the_end_of_a_port_breaks_a_response_under_way_test() ->
    ?assertMatch({[{break, port_died}], _}, event({port, {port_down, true, closed}}, streaming(#{}))).

%% A slow client still has the rest of it to come.
the_end_of_a_port_leaves_a_response_that_is_whole_alone_test() ->
    {_, Stream0} = event(chunk(<<"1">>), streaming(#{})),
    {_, Stream1} = event(chunk(<<"2">>), Stream0),
    {[], Stream2} = event({port, fin}, Stream1),
    {[], Stream3} = event({port, {port_down, true, owner_down}}, Stream2),
    ?assertMatch({[{consumed, 1}, {data, fin, _}, done], _}, event(taken, Stream3)).

%% All bytes that were declared are here, and no trailers were to come: nothing is missing.
the_end_of_a_port_ends_a_response_of_which_all_has_come_test_() ->
    Down = {port, {port_down, true, closed}},
    Declared = fun(Fields) -> element(2, event(head(200, [{<<"content-length">>, <<"2">>} | Fields]), stream(#{}))) end,
    {[{data, nofin, _}], First} = event(chunk(<<"1">>), Declared([])),
    {[], Second} = event(chunk(<<"2">>), First),
    {[], Ended} = event(Down, Second),
    {_, Trailers} = event(chunk(<<"12">>), Declared([{<<"trailer">>, <<"x-sum">>}])),
    [?_assertMatch({[{consumed, 1}, {data, fin, [<<"2">>]}, done], _}, event(taken, Ended)),
        ?_assertMatch({[{break, port_died}], _}, event(Down, First)),
        ?_assertMatch({[{break, port_died}], _}, event(Down, Trailers))].

%% A file that is open, and is the rest of the response, needs no program; one that is still to be opened does.
the_end_of_a_port_leaves_a_file_that_is_the_rest_alone_test_() ->
    Down = {port, {port_down, true, closed}},
    {_, Stream0} = event(head(200, [{<<"content-length">>, <<"11">>}]), stream(#{files => true})),
    {[{data, nofin, _}], Stream1} = event(chunk(<<"1">>), Stream0),
    {[], Stream2} = event(chunk(<<"2">>), Stream1),
    Opening = fun(Length) ->
        {[{open, _}], Stream} = event({port, {file, term({0, 0, 0, 0, Length})}}, Stream2),
        Stream
    end,
    {[], Open} = event({opened, {ok, file}}, Opening(9)),
    {[], Ended} = event(Down, Open),
    {[{consumed, 1}, {data, nofin, [<<"2">>]}], Ended1} = event(taken, Ended),
    {[{consumed, 1}, {data, nofin, {file, file, 0, 9}}], Ended2} = event(taken, Ended1),
    {[], More} = event({opened, {ok, file}}, Opening(8)),
    [?_assertMatch({[{taken, 9}, {data, fin, <<>>}, done], _}, event(taken, Ended2)),
        ?_assertMatch({[{break, port_died}], _}, event(Down, Opening(9))),
        ?_assertMatch({[{break, port_died}], _}, event(Down, More))].

after_the_end_nothing_is_said_test_() ->
    {_, Stream} = event({port, {abort, cancelled, <<>>}}, stream(#{})),
    [?_assertEqual({[], Stream}, event(Event, Stream))
        || Event <- [{port, {credit, 1}}, head(200, []), chunk(<<"x">>), {port, fin}, taken, timeout,
            {client, fin, <<>>}, {port, {port_down, true, closed}}]].

a_client_that_takes_nothing_any_more_ends_it_test() ->
    {_, Stream} = event(chunk(<<"1">>), streaming(#{})),
    ?assertMatch({[{abort, cancelled, _}, {break, client_stalled}], _}, event(stalled, Stream)).

%% Before the head the client can be told.
a_fault_of_ours_ends_it_test_() ->
    [?_assertMatch({[{abort, internal_error, _}, Last], _}, event(failed, Stream)) || {Last, Stream} <- [
        {{fail, app_failed}, stream(#{})}, {{break, internal_error}, streaming(#{})},
        {{break, internal_error}, then(0, head(204, []), stream(#{}))}]].

%% Time. The clock stands at 0 when a stream begins.

the_next_time_is_the_nearest_of_three_test() ->
    [?assertEqual(Expected, gwport_stream:timeout(Now, stream(Times)))
        || {Expected, Now, Times} <- [
            {10, 0, #{head_timeout => 10, idle_timeout => 20, deadline => 30}},
            {10, 0, #{head_timeout => 20, idle_timeout => 10, deadline => 30}},
            {10, 0, #{head_timeout => 30, idle_timeout => 20, deadline => 10}},
            {3, 7, #{head_timeout => 10, idle_timeout => 20, deadline => 30}},
            {0, 10, #{head_timeout => 10, idle_timeout => 20, deadline => 30}},
            {0, 1000, #{head_timeout => 10, idle_timeout => 20, deadline => 30}},
            {infinity, 5, #{}}]].

what_will_be_due_is_named_test_() ->
    [?_assertEqual({10, Reason}, gwport_stream:due(0, stream(Times)))
        || {Reason, Times} <- [
            {head_timeout, #{head_timeout => 10, idle_timeout => 20, deadline => 30}},
            {idle_timeout, #{head_timeout => 30, idle_timeout => 10, deadline => 20}},
            {deadline, #{head_timeout => 30, idle_timeout => 20, deadline => 10}},
            {deadline, #{deadline => 10}}, {idle_timeout, #{idle_timeout => 10}}]].

the_clock_may_start_below_0_test() ->
    Stream = stream(#{head_timeout => 10}, -1000),
    ?assertEqual(10, gwport_stream:timeout(-1000, Stream)),
    ?assertMatch({[{abort, head_timeout, _}, {fail, head_timeout}], _},
        gwport_stream:event(timeout, -990, Stream)).

a_time_that_has_not_come_does_nothing_test_() ->
    [{atom_to_list(Key), ?_assertMatch({[], _}, at(9, timeout, stream(#{Key => 10})))}
        || Key <- [head_timeout, idle_timeout, deadline]].

a_time_that_has_come_fails_with_its_name_before_the_head_test_() ->
    [?_assertMatch({[{abort, Reason, <<>>}, {fail, Reason}], _}, at(10, timeout, stream(#{Key => 10})))
        || {Key, Reason} <- [{head_timeout, head_timeout}, {idle_timeout, idle_timeout}, {deadline, deadline}]].

a_time_that_has_come_breaks_with_its_name_after_the_head_test_() ->
    [?_assertMatch({[{abort, Reason, <<>>}, {break, Reason}], _}, at(10, timeout, streaming(#{Key => 10})))
        || {Key, Reason} <- [{idle_timeout, idle_timeout}, {deadline, deadline}]].

a_deadline_comes_before_the_others_test() ->
    ?assertMatch({[{abort, deadline, _}, {fail, deadline}], _}, at(10, timeout,
        stream(#{head_timeout => 10, idle_timeout => 10, deadline => 10}))).

a_head_or_an_inform_ends_the_time_to_the_head_test_() ->
    [?_assertEqual(infinity, gwport_stream:timeout(5, then(5, Event, stream(#{head_timeout => 10}))))
        || Event <- [head(200, []), {port, {inform, term({103, []})}}]].

%% It runs from the last byte that the program was given, whether there is an idle timeout or not.
request_bytes_restart_the_time_to_the_head_test_() ->
    [fun() ->
        Stream0 = then(0, {port, {credit, 100}}, stream(Times#{head_timeout => 10})),
        Stream1 = then(8, {client, nofin, <<"abc">>}, Stream0),
        ?assertEqual(10, gwport_stream:timeout(8, Stream1)),
        ?assertMatch({[], _}, at(17, timeout, Stream1)),
        Stream2 = then(16, {client, fin, <<>>}, Stream1),
        ?assertMatch({[], _}, at(25, timeout, Stream2)),
        ?assertMatch({[_, {fail, head_timeout}], _}, at(26, timeout, Stream2))
    end || Times <- [#{idle_timeout => 1000}, #{idle_timeout => infinity}]].

held_bytes_restart_the_time_to_the_head_when_they_go_test() ->
    Stream0 = then(0, {port, {credit, 1}}, stream(#{head_timeout => 10})),
    Stream1 = then(5, {client, fin, <<"ab">>}, Stream0),
    Stream2 = then(14, {port, {credit, 1}}, Stream1),
    ?assertEqual(10, gwport_stream:timeout(14, Stream2)).

credit_alone_does_not_restart_the_time_to_the_head_test() ->
    Stream = then(8, {port, {credit, 100}}, stream(#{head_timeout => 10, idle_timeout => 1000})),
    ?assertEqual(2, gwport_stream:timeout(8, Stream)).

request_bytes_after_the_head_do_not_bring_its_time_back_test() ->
    Stream0 = then(0, {port, {credit, 100}}, streaming(#{head_timeout => 10})),
    Stream1 = then(8, {client, nofin, <<"abc">>}, Stream0),
    ?assertEqual(infinity, gwport_stream:timeout(8, Stream1)).

bytes_either_way_restart_the_idle_time_test_() ->
    Reading = then(0, {port, {credit, 100}}, streaming(#{idle_timeout => 10})),
    Writing = then(0, chunk(<<"x">>), streaming(#{idle_timeout => 10})),
    [?_assertEqual(10, gwport_stream:timeout(8, then(8, Event, Stream))) || {Event, Stream} <- [
        {{client, nofin, <<"x">>}, Reading}, {chunk(<<"x">>), Writing}, {taken, Writing}]].

%% Cowboy answers a read with nothing when the client has sent nothing for a while.
an_empty_read_does_not_restart_the_idle_time_test() ->
    Stream0 = then(0, {port, {credit, 100}}, stream(#{idle_timeout => 10})),
    Stream1 = then(8, {client, nofin, <<>>}, Stream0),
    ?assertEqual(2, gwport_stream:timeout(8, Stream1)),
    ?assertMatch({[{abort, idle_timeout, _}, {fail, idle_timeout}], _}, at(10, timeout, Stream1)).

nothing_restarts_the_deadline_test() ->
    Stream0 = then(0, {port, {credit, 100}}, streaming(#{deadline => 10})),
    Stream1 = then(9, chunk(<<"x">>), then(8, {client, nofin, <<"x">>}, Stream0)),
    ?assertEqual(1, gwport_stream:timeout(9, Stream1)).

%% Model: a client and a program that keep to the rules, in any order of events. What goes in comes
%% out, in order, a piece at a time, and ends once.

bytes_in_are_bytes_out_test_() ->
    gwport_gen:check(?FORALL({Exchange, Schedule}, {exchange(), list(action())},
        begin
            Sim0 = lists:foldl(fun act/2, simulation(Exchange), Schedule),
            Early = maps:get(program, Sim0) =:= [],
            %% What is left: the request first, then the response.
            Sim1 = quiet([{grant, 97}, client, taken], Sim0),
            Sim = quiet([program, taken], Sim1),
            request_is_right(Early, Exchange, Sim) andalso response_is_right(Exchange, Sim)
        end)).

exchange() ->
    ?LET({Request, Response, Known, Hidden, Trailers, Method, Window}, {list(piece()), list(piece()),
            boolean(), boolean(), boolean(), elements([<<"POST">>, <<"POST">>, <<"HEAD">>]),
            elements([60, 500, 300000])},
        #{window => Window, request => Request, response => [Piece || Piece <- Response, Piece =/= <<>>],
            known => Known, hidden => Known andalso Hidden, trailers => Trailers, method => Method}).

piece() ->
    frequency([{5, binary()}, {3, ?LET(Size, integer(0, 300), proper_types:binary(Size))}, {1, <<>>},
        {1, ?LET(Size, integer(65000, 140000), binary:copy(<<"abcdefgh">>, Size div 8))}]).

action() ->
    frequency([{1, tick}, {3, {grant, integer(1, 200)}}, {1, {grant, integer(60000, 200000)}}, {4, client},
        {4, program}, {4, taken}]).

simulation(#{request := Request, response := Response, known := Known, hidden := Hidden,
        trailers := Trailers, method := Method, window := Window}) ->
    Length = iolist_size(Request),
    Body = case Known andalso Length =:= 0 of true -> none; false -> now end,
    Size = integer_to_binary(iolist_size(Response)),
    End = case Trailers of true -> {trailers, term([{<<"t">>, <<"v">>}])}; false -> fin end,
    #{stream => stream(#{method => Method, body => Body,
            length => case Known of true -> Length; false -> undefined end}),
        source => source(Request, Hidden), reading => false, grants => 0,
        program => [{head, term({200, [{<<"content-length">>, Size} || Known]})}] ++ Response ++ [End],
        window => Window, with_client => no, taken => 0,
        sent => [], request_ended => Body =:= none, out => [], head => no, ended => no, moves => 0}.

%% An end may come with the last bytes, or be hidden.
source([], _) -> [{fin, <<>>}];
source(Pieces, true) -> [{nofin, Piece} || Piece <- Pieces];
source(Pieces, false) ->
    [{nofin, Piece} || Piece <- lists:droplast(Pieces)] ++ [{fin, lists:last(Pieces)}].

act({grant, Grant}, Sim = #{request_ended := false, grants := Grants}) ->
    feed({port, {credit, Grant}}, Sim#{grants := Grants + Grant});
act(client, Sim = #{reading := true, source := [{IsFin, Data} | Rest]}) ->
    feed({client, IsFin, Data}, Sim#{reading := false, source := Rest});
act(program, Sim = #{program := [Data | Rest], window := Window}) when is_binary(Data), Window > 0 ->
    Size = min(min(Window, ?MAX_CHUNK), byte_size(Data)),
    <<Chunk:Size/binary, Left/binary>> = Data,
    feed({port, {chunk, Chunk}}, Sim#{window := Window - Size,
        program := [Left || Left =/= <<>>] ++ Rest});
act(program, Sim = #{program := [Event | Rest]}) when not is_binary(Event) ->
    feed({port, Event}, Sim#{program := Rest});
act(tick, Sim) ->
    feed(tick, Sim);
act(taken, Sim = #{with_client := Size}) when is_integer(Size) ->
    #{taken := Taken} = Sim1 = feed(taken, Sim#{with_client := no}),
    %% What the client has taken is given back, once.
    Sim1#{taken := Taken + Size};
act(_, Sim) ->
    Sim.

feed(_, Sim = #{ended := Ended}) when Ended =/= no ->
    Sim;
feed(Event, Sim = #{stream := Stream0, moves := Moves}) ->
    {Commands, Stream} = gwport_stream:event(Event, 0, Stream0),
    lists:foldl(fun obey/2, Sim#{stream := Stream, moves := Moves + moves(Event) + length(Commands)},
        Commands).

%% A grant alone is no progress.
moves({port, {credit, _}}) -> 0;
moves(_) -> 1.

%% One command; a function_clause is a promise broken.
obey(read, Sim = #{reading := false, source := [_ | _], request_ended := false, ended := no}) ->
    Sim#{reading := true};
obey({send, chunk, Data}, Sim = #{sent := Sent, grants := Grants, request_ended := false, ended := no})
        when byte_size(Data) >= 1, byte_size(Data) =< ?MAX_CHUNK, byte_size(Data) =< Grants ->
    Sim#{sent := [Sent, Data], grants := Grants - byte_size(Data)};
obey({send, fin, []}, Sim = #{request_ended := false, ended := no}) ->
    Sim#{request_ended := true};
obey({head, _}, Sim = #{head := no, ended := no}) ->
    Sim#{head := head};
obey({reply, _, <<>>}, Sim = #{head := no, ended := no}) ->
    Sim#{head := whole};
obey({data, nofin, Data}, Sim = #{head := head, with_client := no, out := Out, ended := no}) ->
    true = iolist_size(Data) > 0,
    Sim#{with_client := iolist_size(Data), out := [Out, Data]};
obey({data, fin, Data}, Sim = #{head := head, with_client := no, out := Out, ended := no}) ->
    Sim#{out := [Out, Data], head := finished};
obey({trailers, [{<<"t">>, <<"v">>}]}, Sim = #{head := head, with_client := no, ended := no}) ->
    Sim#{head := trailed};
obey({consumed, Bytes}, Sim = #{window := Window, ended := no}) when Bytes > 0 ->
    Sim#{window := Window + Bytes};
obey(done, Sim = #{ended := no}) ->
    Sim#{ended := done}.

quiet(Actions, Sim) ->
    case lists:foldl(fun act/2, Sim, Actions) of
        #{ended := Ended} = Next when Ended =/= no -> Next;
        Next = #{moves := Moves} when Moves =:= map_get(moves, Sim) -> Next;
        Next -> quiet(Actions, Next)
    end.

request_is_right(Early, #{request := Request}, #{sent := Sent0, request_ended := Ended, source := Left}) ->
    Whole = iolist_to_binary(Request),
    Sent = iolist_to_binary(Sent0),
    case Ended of
        true -> Sent =:= Whole andalso (Left =:= [] orelse Whole =:= <<>> orelse only_empty(Left));
        false -> Early andalso binary:longest_common_prefix([Sent, Whole]) =:= byte_size(Sent)
    end.

%% Empty pieces behind the end that the length has shown.
only_empty(Left) ->
    lists:all(fun({_, Data}) -> Data =:= <<>> end, Left).

response_is_right(Exchange, Sim) ->
    #{method := Method, response := Response, trailers := Trailers, window := Window} = Exchange,
    #{ended := done, head := Head, out := Out, window := Left, taken := Taken} = Sim,
    Whole = iolist_to_binary(Response),
    case Method of
        <<"HEAD">> ->
            Head =:= whole andalso iolist_size(Out) =:= 0 andalso Left =:= Window;
        _ ->
            Head =:= (case Trailers of true -> trailed; false -> finished end)
                andalso iolist_to_binary(Out) =:= Whole
                andalso Left =:= Window - byte_size(Whole) + Taken
        end.

%% Model: a program, a client and a clock that do what they like, in the order that gwport_mux lets
%% through. There is one end, it fits what went before, and nothing comes after it.

there_is_one_end_whatever_comes_test_() ->
    gwport_gen:check(?FORALL({Options, Steps}, {wild_options(), list(wild_step())},
        begin
            Events = allowed(Steps, start),
            End = [{port, {port_down, true, closed}}] ++ lists:duplicate(length(Steps) + 3, taken),
            {Commands, _} = lists:foldl(fun wild/2, {[], {0, stream(Options)}}, Events ++ End),
            well_ended(lists:reverse(Commands), start)
        end)).

wild_options() ->
    ?LET({Method, Body, Length, Max, Head, Idle, Deadline}, {elements([<<"GET">>, <<"HEAD">>]),
            elements([none, now, continue]), elements([undefined, 3, 10]), elements([infinity, 0, 5]),
            limit(), limit(), limit()},
        #{method => Method, body => Body, length => Length, max_body => Max, head_timeout => Head,
            idle_timeout => Idle, deadline => Deadline}).

limit() ->
    frequency([{4, infinity}, {1, integer(1, 50)}]).

wild_step() ->
    frequency([
        {3, {client, elements([nofin, nofin, fin]), binary()}},
        {4, taken},
        {1, tick},
        {1, {wait, integer(0, 10)}},
        {3, {port, {credit, integer(1, 20)}}},
        {2, {port, {inform, elements([term({103, []}), term({103, []}), <<"junk">>])}}},
        {4, {port, {head, frequency([{9, good_head()}, {1, binary()}])}}},
        {6, {port, {chunk, ?SUCHTHAT(Data, binary(), Data =/= <<>>)}}},
        {1, {port, {reply, oneof([term({200, [], <<"body">>}), binary()]), elements([0, 3, 4, 100])}}},
        {1, {port, fin}},
        {1, {port, {trailers, oneof([term([]), binary()])}}},
        {1, {port, {abort, elements(codes()), <<>>}}},
        {1, {port, {refused, busy}}},
        {1, elements([stalled, failed])},
        {1, {port, {port_down, boolean(), closed}}}]).

good_head() ->
    ?LET({Status, Length}, {elements([200, 200, 200, 204]), integer(0, 30)},
        elements([term({Status, []}), term({Status, [{<<"content-length">>, integer_to_binary(Length)}]})])).

%% What gwport_mux lets through: the program's half in order, and nothing after its end.
allowed([], _) -> [];
allowed([Step = {port, Event} | Rest], Phase) ->
    case next(element(1, if is_tuple(Event) -> Event; true -> {Event} end), Phase) of
        no -> allowed(Rest, Phase);
        Next -> [Step | allowed(Rest, Next)]
    end;
allowed([Step | Rest], Phase) ->
    [Step | allowed(Rest, Phase)].

next(_, ended) -> no;
next(credit, Phase) -> Phase;
next(inform, start) -> start;
next(head, start) -> body;
next(reply, start) -> ended;
next(refused, start) -> ended;
next(chunk, body) -> body;
next(fin, body) -> ended;
next(trailers, body) -> ended;
next(Kind, _) when Kind =:= abort; Kind =:= port_down -> ended;
next(_, _) -> no.

wild({wait, Time}, {Commands, {Now, Stream}}) ->
    wild_event(timeout, Now + Time, Commands, Stream);
wild(Event, {Commands, {Now, Stream}}) ->
    wild_event(Event, Now, Commands, Stream).

wild_event(Event, Now, Commands, Stream0) ->
    {New, Stream} = gwport_stream:event(Event, Now, Stream0),
    case gwport_stream:timeout(Now, Stream) of
        infinity -> ok;
        Time when is_integer(Time), Time >= 0 -> ok
    end,
    {lists:reverse(New, Commands), {Now, Stream}}.

well_ended([Command | Rest], Phase) ->
    case {Command, Phase} of
        {done, body_ended} -> Rest =:= [];
        {done, whole} -> Rest =:= [];
        {{Failed, Reason}, start} when Failed =:= fail; Failed =:= refuse -> is_integer(gwport_status:status(Reason)) andalso Rest =:= [];
        {{break, _}, body} -> Rest =:= [];
        {{break, client_stalled}, start} -> Rest =:= [];
        %% Of an app that gives up on purpose, and of one that fails behind a response without a body.
        {{break, app_failed}, start} -> Rest =:= [];
        {{break, _}, whole} -> Rest =:= [];
        {{inform, _, _}, start} -> well_ended(Rest, start);
        {{reply, _, _}, start} -> well_ended(Rest, whole);
        {{head, _}, start} -> well_ended(Rest, body);
        {{data, nofin, _}, body} -> well_ended(Rest, body);
        {{data, fin, _}, body} -> well_ended(Rest, body_ended);
        {{trailers, _}, body} -> well_ended(Rest, body_ended);
        {{abort, _, _}, _} -> length(Rest) =:= 1 andalso well_ended(Rest, Phase);
        {{consumed, N}, _} when N > 0 -> well_ended(Rest, Phase);
        {{send, _, _}, _} -> well_ended(Rest, Phase);
        {read, _} -> well_ended(Rest, Phase);
        _ -> false
    end;
well_ended([], _) ->
    false.

%% Files

%% Of a client that is quick: the pieces of a file double, and the next file begins with the largest. The last piece of a
%% file, which is small, changes nothing.
what_a_client_takes_quickly_holds_for_the_next_file_test() ->
    {Pieces, Stream} = pieces(0, 1000000, streaming(#{})),
    ?assertEqual([131072, 262144, 524288, 82496], Pieces),
    {More, Slow} = pieces(499, 1000000, Stream),
    ?assertEqual([524288, 475712], More),
    {Less, Last} = pieces(500, 600000, Slow),
    ?assertEqual([524288, 65536, 10176], Less),
    {[First | _], _} = pieces(0, 600000, Last),
    ?assertEqual(65536, First).

%% The sizes of the pieces that a file of so many bytes goes in, each of them taken within that time.
pieces(Time, Length, Stream) ->
    {[{open, _}], Stream1} = event({port, {file, term_to_binary({0, 0, 0, 0, Length})}}, Stream),
    sizes(0, Time, event({opened, {ok, file}}, Stream1)).

sizes(Now, Time, {[{data, nofin, {file, file, _, Bytes}}], Stream}) ->
    {Sizes, Last} = sizes(Now + Time, Time, at(Now + Time, taken, Stream)),
    {[Bytes | Sizes], Last};
sizes(_, _, {[{taken, _}], Stream}) ->
    {[], Stream}.

%% A connection that the app takes over

tunnel() ->
    tunnel(#{}).

tunnel(With) ->
    {[takeover], Stream} = event({port, takeover}, stream(maps:merge(#{body => upgrade, length => 0}, With))),
    Stream.

what_may_be_taken_over_is_a_request_without_a_body_until_then_test() ->
    Stream = stream(#{body => upgrade, length => 0}),
    ?assertMatch({[], _}, event({port, {credit, 10}}, Stream)),
    ?assertMatch({[{reply, _, <<"x">>}, done], _}, event(reply(200, [], <<"x">>), Stream)).

a_connection_is_read_as_credit_allows_whatever_length_its_request_had_test() ->
    {[read], Stream0} = event({port, {credit, 3}}, tunnel(#{max_body => 2})),
    {[{send, chunk, <<"abc">>}], Stream1} = event({client, nofin, <<"abcd">>}, Stream0),
    ?assertMatch({[{send, chunk, <<"d">>}, read], _}, event({port, {credit, 3}}, Stream1)).

each_direction_of_a_connection_ends_by_itself_test() ->
    {[shut], Stream0} = event({port, fin}, tunnel()),
    {[read], Stream1} = event({port, {credit, 3}}, Stream0),
    {[{send, chunk, <<"abc">>}], Stream2} = event({client, nofin, <<"abc">>}, Stream1),
    ?assertMatch({[{send, fin, []}, done], _}, event({client, fin, <<>>}, Stream2)),
    {[read], Stream3} = event({port, {credit, 3}}, tunnel()),
    {[{send, fin, []}], Stream4} = event({client, fin, <<>>}, Stream3),
    {[{data, nofin, [<<"x">>]}], Stream5} = event(chunk(<<"x">>), Stream4),
    {[], Stream6} = event({port, fin}, Stream5),
    ?assertMatch({[{consumed, 1}, shut, done], _}, event(taken, Stream6)).

what_was_written_before_a_close_goes_out_first_test_() ->
    [fun() ->
        {[{data, nofin, [<<"x">>]}], Stream0} = event(chunk(<<"x">>), tunnel()),
        {[], Stream1} = event(chunk(<<"y">>), Stream0),
        {[], Stream2} = event({port, {abort, Code, <<>>}}, Stream1),
        {[{consumed, 1}, {data, nofin, [<<"y">>]}], Stream3} = event(taken, Stream2),
        ?assertMatch({[{consumed, 1} | Last], _}, event(taken, Stream3))
    end || {Code, Last} <- [{no_error, [shut, done]}, {internal_error, [{break, app_failed}]}]].

a_close_behind_the_end_of_what_is_sent_is_at_once_test() ->
    {[shut], Stream} = event({port, fin}, tunnel()),
    ?assertMatch({[done], _}, event({port, {abort, no_error, <<>>}}, Stream)).

a_connection_ends_with_its_port_test() ->
    ?assertMatch({[{break, port_died}], _}, event({port, {port_down, true, crash}}, tunnel())).

%% On HTTP/2 the head comes first, and the body of the request may have begun.

connected(With) ->
    {[{head, _}], Stream0} = event(head(200, []), stream(maps:merge(#{body => connect, method => <<"CONNECT">>}, With))),
    {[], Stream} = event({port, tunnel}, Stream0),
    Stream.

a_tunnel_behind_a_head_is_read_on_and_has_no_limit_test() ->
    {[read], Stream0} = event({port, {credit, 3}}, stream(#{body => connect, max_body => 5})),
    {[{send, chunk, <<"abc">>}], Stream1} = event({client, nofin, <<"abcde">>}, Stream0),
    {[{head, _}], Stream2} = event(head(299, []), Stream1),
    {[], Stream3} = event({port, tunnel}, Stream2),
    {[{send, chunk, <<"de">>}, read], Stream4} = event({port, {credit, 3}}, Stream3),
    ?assertMatch({[{send, chunk, <<"f">>}], _}, event({client, nofin, <<"f">>}, Stream4)),
    ?assertMatch({[{abort, too_large, <<>>}, {break, too_large_body}], _}, begin
        {[{send, chunk, <<"de">>}, read], Late} = event({port, {credit, 3}}, Stream2),
        event({client, nofin, <<"f">>}, Late)
    end).

each_direction_of_a_tunnel_ends_by_itself_test() ->
    {[shut], Stream0} = event({port, fin}, connected(#{})),
    ?assertMatch({[done], _}, event({port, {abort, no_error, <<>>}}, Stream0)),
    {[read], Stream1} = event({port, {credit, 3}}, Stream0),
    ?assertMatch({[{send, fin, []}, done], _}, event({client, fin, <<>>}, Stream1)),
    ?assertMatch({[shut, done], _}, event({port, {abort, no_error, <<>>}}, connected(#{}))),
    ?assertMatch({[{break, port_died}], _}, event({port, {port_down, true, crash}}, connected(#{}))).

a_client_that_has_ended_before_the_head_has_ended_its_direction_of_the_tunnel_test() ->
    {[read], Stream0} = event({port, {credit, 3}}, stream(#{body => connect})),
    {[{send, fin, []}], Stream1} = event({client, fin, <<>>}, Stream0),
    {[{head, _}], Stream2} = event(head(200, []), Stream1),
    {[], Stream3} = event({port, tunnel}, Stream2),
    ?assertMatch({[shut, done], _}, event({port, fin}, Stream3)).

what_a_head_does_not_open_is_no_tunnel_test_() ->
    [?_assertMatch({[{abort, bad_order, <<>>} | _], _}, begin
        {_, Stream} = event(Head, stream(#{body => connect})),
        event({port, tunnel}, Stream)
    end) || Head <- [head(300, []), head(404, []), head(204, []), head(200, [{<<"content-length">>, <<"5">>}])]].

times_of_a_tunnel_test() ->
    Stream = connected(#{head_timeout => 100, idle_timeout => 1000}),
    ?assertEqual(1000, gwport_stream:timeout(0, Stream)),
    ?assertEqual(1000, gwport_stream:timeout(600, then(600, chunk(<<"x">>), Stream))),
    ?assertMatch({[{abort, idle_timeout, <<>>}, {break, idle_timeout}], _}, at(1000, timeout, Stream)).

times_of_a_connection_test_() ->
    Times = #{head_timeout => 100, idle_timeout => 1000},
    Stream = tunnel(Times),
    [?_assertEqual(1000, gwport_stream:timeout(0, Stream)),
     ?_assertEqual(1000, gwport_stream:timeout(600, then(600, chunk(<<"x">>), Stream))),
     ?_assertEqual(1000, gwport_stream:timeout(600, then(600, {client, nofin, <<"x">>}, Stream))),
     ?_assertEqual(400, gwport_stream:timeout(600, then(600, {port, {credit, 1}}, Stream))),
     ?_assertMatch({[{abort, idle_timeout, <<>>}, {break, idle_timeout}], _}, at(1000, timeout, Stream))].

%% A port that died

what_was_sent_is_sent_again_as_credit_allows_test() ->
    {_, Stream0} = event({port, {credit, 5}}, stream(#{})),
    {[{send, chunk, <<"abc">>}, read], Stream1} = event({client, nofin, <<"abc">>}, Stream0),
    {[{send, chunk, <<"de">>}], Stream2} = event({client, nofin, <<"defg">>}, Stream1),
    {ok, Again} = gwport_stream:again(sent, Stream2),
    {[], Begun} = gwport_stream:begins(0, Again),
    {[{send, chunk, <<"abcd">>}], Stream3} = event({port, {credit, 4}}, Begun),
    {[{send, chunk, <<"efg">>}, read], Stream4} = event({port, {credit, 4}}, Stream3),
    ?assertMatch({[{send, chunk, <<"h">>}, {send, fin, []}], _}, event({client, fin, <<"h">>}, Stream4)).

a_body_that_was_sent_whole_ends_again_test() ->
    {_, Stream0} = event({port, {credit, 5}}, stream(#{})),
    {[_, {send, fin, []}], Stream1} = event({client, fin, <<"abc">>}, Stream0),
    {ok, Again} = gwport_stream:again(whole, Stream1),
    {[], Begun} = gwport_stream:begins(0, Again),
    ?assertMatch({[{send, chunk, <<"abc">>}, {send, fin, []}], _}, event({port, {credit, 5}}, Begun)).

an_empty_body_ends_when_there_is_a_port_test() ->
    {_, Stream0} = event({port, {credit, 5}}, stream(#{})),
    {[{send, fin, []}], Stream1} = event({client, fin, <<>>}, Stream0),
    {ok, Again} = gwport_stream:again(whole, Stream1),
    ?assertMatch({[{send, fin, []}], _}, gwport_stream:begins(0, Again)),
    %% One that comes while there is none.
    {[], Waiting} = event({client, fin, <<>>}, gwport_stream:waits(0, stream(#{}))),
    ?assertMatch({[{send, fin, []}], _}, gwport_stream:begins(0, Waiting)).

a_request_without_a_body_has_none_again_test() ->
    [begin
        {ok, Again} = gwport_stream:again(whole, stream(#{body => Body})),
        ?assertMatch({[], _}, gwport_stream:begins(0, Again))
    end || Body <- [none, upgrade]].

a_connection_may_be_taken_over_by_the_next_test() ->
    %% What it sends is kept by nobody.
    {_, Stream} = event({port, {credit, 5}}, stream(#{body => upgrade, length => 0})),
    {ok, Again} = gwport_stream:again(whole, Stream),
    {[], Begun} = gwport_stream:begins(0, Again),
    {[takeover], Tunnel} = event({port, takeover}, Begun),
    {[read], Granted} = event({port, {credit, 5}}, Tunnel),
    {[{send, chunk, <<"abc">>}, read], Sent} = event({client, nofin, <<"abc">>}, Granted),
    ?assertEqual(lost, gwport_stream:again(sent, Sent)).

what_the_client_sends_meanwhile_comes_behind_test() ->
    {_, Stream0} = event({port, {credit, 5}}, stream(#{})),
    {[{send, chunk, <<"abc">>}, read], Stream1} = event({client, nofin, <<"abc">>}, Stream0),
    {ok, Again} = gwport_stream:again(sent, Stream1),
    {[], Waiting} = event({client, fin, <<"de">>}, Again),
    {[], Begun} = gwport_stream:begins(0, Waiting),
    ?assertMatch({[{send, chunk, <<"abcde">>}, {send, fin, []}], _}, event({port, {credit, 9}}, Begun)).

a_body_that_is_not_whole_is_not_sent_again_where_it_has_to_be_test() ->
    {_, Stream0} = event({port, {credit, 5}}, stream(#{})),
    {_, Stream1} = event({client, nofin, <<"abc">>}, Stream0),
    ?assertEqual(lost, gwport_stream:again(whole, Stream1)),
    %% Whole is what has come from the client, whether or not it was sent.
    {_, Stream2} = event({client, fin, <<"defghij">>}, Stream1),
    ?assertMatch({ok, _}, gwport_stream:again(whole, Stream2)).

a_body_is_kept_up_to_a_bound_test_() ->
    [{lists:concat([Bytes, " of ", Keep]), ?_assertEqual(Is, element(1, again_of(Bytes, Options)))}
        || {Bytes, Keep, Options, Is} <- [
            {5, 5, #{replay_body => 5}, ok}, {6, 5, #{replay_body => 5}, lost},
            {0, 0, #{replay_body => 0}, ok}, {1, 0, #{replay_body => 0}, lost},
            {65536, default, #{}, ok}, {65537, default, #{}, lost},
            {0, off, #{replay => false}, ok}, {1, off, #{replay => false}, lost}]].

%% So many bytes, one after the other in two pieces.
again_of(Bytes, Options) ->
    {_, Stream0} = event({port, {credit, 100000}}, stream(Options)),
    Half = Bytes div 2,
    {_, Stream1} = event({client, nofin, binary:copy(<<"x">>, Half)}, Stream0),
    {_, Stream2} = event({client, fin, binary:copy(<<"x">>, Bytes - Half)}, Stream1),
    case gwport_stream:again(whole, Stream2) of
        lost -> {lost, Stream2};
        Ok -> Ok
    end.

nothing_is_sent_again_behind_the_beginning_of_a_response_test_() ->
    [{Name, ?_assertEqual(lost, gwport_stream:again(sent, Stream))} || {Name, Stream} <- [
        {"a head", streaming(#{})}, {"a head without a body", streaming(#{body => none})},
        {"a connection", tunnel()},
        {"an interim response", then(0, {port, {inform, term({103, []})}}, stream(#{}))}]].

a_small_piece_of_a_large_read_keeps_nothing_of_it_test() ->
    <<Piece:10/binary, _/binary>> = Large = binary:copy(<<"0123456789">>, 10000),
    {_, Stream0} = event({port, {credit, 10}}, stream(#{})),
    {_, Stream1} = event({client, fin, Piece}, Stream0),
    {ok, Again} = gwport_stream:again(sent, Stream1),
    {[], Begun} = gwport_stream:begins(0, Again),
    {[{send, chunk, Sent}, _], _} = event({port, {credit, 10}}, Begun),
    %% The BEAM may leave a binary room to grow by some bytes.
    ?assertEqual(Piece, Sent),
    ?assert(binary:referenced_byte_size(Sent) < 1000),
    ?assertEqual(100000, byte_size(Large)).

the_times_of_a_response_begin_again_and_the_deadline_does_not_test() ->
    Limits = #{body => none, head_timeout => 100, idle_timeout => 200, deadline => 1000},
    {ok, Again} = gwport_stream:again(whole, stream(Limits)),
    {[], Begun} = gwport_stream:begins(950, Again),
    ?assertEqual({50, deadline}, gwport_stream:due(950, Begun)),
    {ok, Sooner} = gwport_stream:again(whole, stream(Limits)),
    ?assertEqual({100, head_timeout}, gwport_stream:due(90, element(2, gwport_stream:begins(90, Sooner)))).

%% Helpers

stream(With) ->
    stream(With, 0).

stream(With, Now) ->
    Request = maps:with([method, body, length], With),
    gwport_stream:new(maps:merge(#{method => <<"GET">>, body => now, length => undefined, files => true}, Request),
        maps:merge(#{max_body => infinity, head_timeout => infinity, idle_timeout => infinity, deadline => infinity,
                min_body_rate => 0, body_grace => 1, replay => true, replay_body => 65536},
            maps:without([method, body, length], With)), Now).

streaming(With) ->
    {[{head, _}], Stream} = event(head(200, []), stream(With)),
    Stream.

with_length(Length) ->
    {[{head, _}], Stream} = event(head(200, [{<<"content-length">>, Length}]), stream(#{})),
    Stream.

event(Event, Stream) ->
    at(0, Event, Stream).

at(Now, Event, Stream) ->
    gwport_stream:event(Event, Now, Stream).

then(Now, Event, Stream) ->
    {_, Next} = gwport_stream:event(Event, Now, Stream),
    Next.

commands({Commands, _}) -> Commands.

head(Status, Headers) ->
    {port, {head, term({Status, Headers})}}.

reply(Status, Headers, Body) ->
    {port, {reply, term({Status, Headers, Body}), 1000}}.

chunk(Data) ->
    {port, {chunk, Data}}.

term(Term) ->
    term_to_binary(Term).
