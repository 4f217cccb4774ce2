%% The order in which frames leave a port (SPEC.md, 7.5).
-module(gwport_out_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [integer/2, list/1, frequency/1, range/2]).

-define(WRITE_BYTES, 262144).

%% Bodies are named by their stream and place.
with(Steps) ->
    lists:foldl(fun step/2, gwport_out:new(), Steps).

step({control, Frame}, Out) -> gwport_out:control(Frame, Out);
step({body, Stream, Frame}, Out) -> gwport_out:body(Stream, Frame, Out);
step({drop, Stream, Abort}, Out) -> gwport_out:drop(Stream, Abort, Out);
step({replace, Stream, Abort}, Out) -> gwport_out:replace(Stream, Abort, Out);
step({last, Fault}, Out) -> gwport_out:last(Fault, Out);
step({leave, Window}, Out) -> gwport_out:leave(Window, Out);
step({open, Open}, Out) -> {ok, Out1} = gwport_out:open(Open, Out), Out1.

written(Steps) ->
    {Data, Out} = gwport_out:take("", with(Steps)),
    ?assert(gwport_out:is_empty(Out)),
    iolist_to_binary(Data).

nothing_waits_at_first_test() ->
    ?assert(gwport_out:is_empty(gwport_out:new())),
    ?assertMatch({[[], [] | []], _}, gwport_out:take([], gwport_out:new())).

control_goes_before_opens_and_opens_before_bodies_test() ->
    {Data, _} = gwport_out:take(" open", with([{body, 256, " body"}, {control, "credit"}])),
    ?assertEqual(<<"credit open body">>, iolist_to_binary(Data)).

streams_take_turns_a_frame_each_test() ->
    ?assertEqual(<<"a1b1c1a2b2a3">>, written([{body, 1, "a1"}, {body, 1, "a2"}, {body, 1, "a3"}, {body, 2, "b1"},
        {body, 2, "b2"}, {body, 3, "c1"}])).

who_had_its_turn_is_behind_who_has_come_since_test() ->
    Chunk = binary:copy(<<"x">>, ?WRITE_BYTES),
    {Data, Out} = gwport_out:take([], with([{body, 1, [Chunk]}, {body, 1, "a2"}])),
    ?assertEqual(Chunk, iolist_to_binary(Data)),
    {Rest, _} = gwport_out:take([], gwport_out:body(2, "b1", gwport_out:body(1, "a3", Out))),
    ?assertEqual(<<"a2b1a3">>, iolist_to_binary(Rest)).

an_abort_replaces_what_its_stream_has_here_test() ->
    ?assertEqual(<<"abortb1">>, written([{body, 1, "a1"}, {body, 1, "a2"}, {body, 2, "b1"}, {drop, 1, "abort"}])),
    ?assertEqual(<<"abort">>, written([{drop, 1, "abort"}])).

an_abort_in_the_place_of_nothing_is_not_written_test() ->
    ?assertEqual(<<"abortb1">>, written([{body, 1, "a1"}, {body, 2, "b1"}, {replace, 1, "abort"}])),
    ?assertEqual(<<"b1">>, written([{body, 2, "b1"}, {replace, 1, "abort"}])).

a_fault_is_the_last_frame_and_no_body_goes_before_it_test() ->
    ?assertEqual(<<"pongfault">>, written([{control, "pong"}, {body, 1, "a1"}, {last, "fault"}, {control, "late"},
        {body, 1, "a2"}, {drop, 1, "abort"}, {last, "another"}])).

a_write_has_262144_bytes_of_bodies_and_one_frame_more_at_most_test() ->
    Half = binary:copy(<<"h">>, ?WRITE_BYTES div 2),
    {Data, Out} = gwport_out:take([], with([{body, N, Half} || N <- [1, 2, 3]])),
    ?assertEqual(?WRITE_BYTES, iolist_size(Data)),
    ?assertNot(gwport_out:is_empty(Out)),
    %% Control does not wait, however much there is.
    {More, Out1} = gwport_out:take([], gwport_out:control([Half, Half, Half], Out)),
    ?assertEqual(3 * byte_size(Half), iolist_size(More)),
    {Rest, Out2} = gwport_out:take([], Out1),
    ?assertEqual(Half, iolist_to_binary(Rest)),
    ?assert(gwport_out:is_empty(Out2)).

it_is_full_with_as_much_as_a_write_takes_test() ->
    Out = with([{body, 1, binary:copy(<<"x">>, ?WRITE_BYTES - 1)}]),
    ?assertNot(gwport_out:is_full(Out)),
    Full = gwport_out:control("x", Out),
    ?assert(gwport_out:is_full(Full)),
    {_, Empty} = gwport_out:take([], Full),
    ?assertNot(gwport_out:is_full(Empty)).

%% Opens and places

opens_wait_in_their_order_for_their_numbers_test() ->
    Out = with([{open, Open} || Open <- [open(1), open(2), open(3)]]),
    ?assertNot(gwport_out:is_empty(Out)),
    {Opens, Out1} = gwport_out:opens(Out),
    ?assertEqual([open(1), open(2), open(3)], Opens),
    ?assert(gwport_out:is_empty(Out1)).

an_open_that_is_withdrawn_is_not_written_test() ->
    Out = with([{open, open(1)}, {open, open(2)}]),
    {Open, Out1} = gwport_out:withdraw(ref(1), Out),
    ?assertEqual(open(1), Open),
    ?assertEqual(none, gwport_out:withdraw(ref(1), Out1)),
    ?assertMatch({[_], _}, gwport_out:opens(Out1)),
    {_, Out2} = gwport_out:opens(Out1),
    ?assertEqual(none, gwport_out:withdraw(ref(2), Out2)).

who_waits_when_opening_stops_is_turned_away_and_so_are_others_test() ->
    {Opens, Out} = gwport_out:stop_opening(with([{open, open(1)}, {open, open(2)}])),
    ?assertEqual([open(1), open(2)], Opens),
    ?assertEqual(refused, gwport_out:open(open(3), Out)),
    ?assert(gwport_out:is_empty(Out)),
    ?assertMatch({[], _}, gwport_out:stop_opening(Out)).

a_place_is_free_with_the_next_write_test() ->
    Out = with([{drop, 1, "abort"}, {leave, 100}, {leave, 7}]),
    {Windows, Out1} = gwport_out:left(Out),
    ?assertEqual([7, 100], lists:sort(Windows)),
    ?assertMatch({[], _}, gwport_out:left(Out1)),
    %% A place alone is reason enough.
    ?assertNot(gwport_out:is_empty(with([{leave, 100}]))).

ref(N) -> list_to_ref(lists:concat(["#Ref<0.0.1.", N, ">"])).

open(N) -> {{whereis(init), ref(N), {ref(N), N}}, once, {[], none, true}, none}.

answers_to_pings_wait_up_to_a_limit_until_they_are_written_test() ->
    Pong = fun(Out) -> {ok, Out1} = gwport_out:pong("p", Out), Out1 end,
    Max = gwport_out:max_pongs(),
    Full = lists:foldl(fun(_, Out) -> Pong(Out) end, gwport_out:new(), lists:seq(1, Max)),
    ?assertEqual(full, gwport_out:pong("p", Full)),
    {Written, Empty} = gwport_out:take([], Full),
    ?assertEqual(Max, iolist_size(Written)),
    ?assertMatch({ok, _}, gwport_out:pong("p", Empty)).

%% Whatever comes, in any order, with writes in between: control is in the very next write; what a stream has is written
%% in its order, or replaced by its abort; nothing else is lost, and no write is larger than it may be.
all_is_written_in_its_order_test_() ->
    gwport_gen:check(?FORALL(Steps, list(frequency([
            {6, {body, range(1, 4), frequency([{9, integer(0, 100)}, {1, integer(60000, 65536)}])}},
            {2, {control, integer(0, 100)}}, {1, {drop, range(1, 4)}}, {1, {replace, range(1, 4)}},
            {2, take}])),
        begin
            {Out, Model} = lists:foldl(fun model/2, {gwport_out:new(), {1, [], #{}}}, Steps),
            {Out1, {_, [], Bodies}} = drain(Out, Model),
            gwport_out:is_empty(Out1) andalso Bodies =:= #{}
        end)).

%% Frames are numbered, so that each is like no other.
frame(Place, N, Size) -> [<<Place:8, N:32, Size:32>>, binary:copy(<<"x">>, Size)].

model({body, Stream, Size}, {Out, {N, Control, Bodies}}) ->
    {gwport_out:body(Stream, frame(Stream, N, Size), Out),
        {N + 1, Control, maps:update_with(Stream, fun(Before) -> Before ++ [N] end, [N], Bodies)}};
model({control, Size}, {Out, {N, Control, Bodies}}) ->
    {gwport_out:control(frame(0, N, Size), Out), {N + 1, Control ++ [N], Bodies}};
model({drop, Stream}, {Out, {N, Control, Bodies}}) ->
    {gwport_out:drop(Stream, frame(0, N, 1), Out), {N + 1, Control ++ [N], maps:remove(Stream, Bodies)}};
model({replace, Stream}, {Out, Model = {N, _, Bodies}}) ->
    case Bodies of
        #{Stream := _} -> model({drop, Stream}, {Out, Model});
        #{} -> {gwport_out:replace(Stream, frame(0, N, 1), Out), Model}
    end;
model(take, {Out, {N, Control, Bodies}}) ->
    {Data, Out1} = gwport_out:take([], Out),
    Bin = iolist_to_binary(Data),
    {Seen, Left} = seen(Bin, [], Bodies),
    ?assertEqual(Control, Seen),
    ?assert(Control =/= [] orelse byte_size(Bin) < ?WRITE_BYTES + 65536 + 9),
    {Out1, {N, [], Left}}.

%% The numbers of the control frames, which are the first, and what the streams have left.
seen(<<0, N:32, Size:32, _:Size/binary, Rest/binary>>, Control, Bodies) ->
    seen(Rest, Control ++ [N], Bodies);
seen(Rest, Control, Bodies) ->
    {Control, bodies(Rest, Bodies)}.

bodies(<<>>, Bodies) ->
    maps:filter(fun(_, Left) -> Left =/= [] end, Bodies);
bodies(<<Stream, N:32, Size:32, _:Size/binary, Rest/binary>>, Bodies) ->
    #{Stream := [N | Left]} = Bodies,
    bodies(Rest, Bodies#{Stream := Left}).

drain(Out, Model) ->
    case gwport_out:is_empty(Out) of
        true -> {Out, Model};
        false ->
            {Out1, Model1} = model(take, {Out, Model}),
            drain(Out1, Model1)
    end.
