%% One direction of a stream (SPEC.md, 7.1): what follows what, how large it may be, and how it ends.
-module(gwport_half_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [list/1, oneof/1]).

-define(MAX_HEAD, 1000).
-define(WINDOW, 100000).
-define(KINDS, [inform, head, takeover, chunk, fin, trailers, reply]).

%% The shape of a half as a language: what may come behind what.
may_follow(request, []) -> [chunk, fin, trailers];
may_follow(response, []) -> [inform, head, reply];
may_follow(takeover, []) -> [inform, head, takeover, reply];
may_follow(connect, []) -> [inform, head, reply];
may_follow(Shape, Frames) ->
    IsRaw = lists:member(takeover, Frames),
    case lists:last(Frames) of
        inform when length(Frames) =:= 16 -> may_follow(Shape, []) -- [inform];
        inform -> may_follow(Shape, []);
        Kind when IsRaw, Kind =:= takeover orelse Kind =:= chunk -> [chunk, fin];
        head when Shape =:= connect -> [takeover, chunk, fin, trailers];
        Kind when Kind =:= head; Kind =:= chunk -> [chunk, fin, trailers];
        _ -> []
    end.

what_may_follow_does_and_nothing_else_test_() ->
    gwport_gen:check(?FORALL({Shape, Kinds}, {oneof([request, response, takeover, connect]), list(oneof(?KINDS))},
        begin
            {_, _} = lists:foldl(fun(Kind, {Half, Before}) -> followed(Kind, Shape, Half, Before) end,
                {gwport_half:new(Shape, ?WINDOW), []}, Kinds),
            true
        end)).

followed(Kind, Shape, Half, Before) ->
    Fits = lists:member(Kind, may_follow(Shape, Before)),
    Last = lists:member(Kind, [fin, trailers, reply]),
    case gwport_half:frame(Kind, 1, ?MAX_HEAD, Half) of
        {last, Half1} when Fits, Last ->
            false = gwport_half:is_open(Half1),
            last = gwport_half:end_of(Half1),
            {Half1, Before ++ [Kind]};
        {more, Half1} when Fits, Kind =:= takeover, Shape =:= connect ->
            true = gwport_half:is_raw(Half1),
            true = gwport_half:credit(Half) =:= gwport_half:credit(Half1),
            {Half1, Before ++ [Kind]};
        {more, Half1} when Fits, Kind =:= takeover ->
            true = gwport_half:is_raw(Half1),
            {error, flow_exceeded, _} = gwport_half:frame(chunk, 1, ?MAX_HEAD, Half1),
            {gwport_half:handed_over(Half1), Before ++ [Kind]};
        {more, Half1} when Fits, not Last ->
            open = gwport_half:end_of(Half1),
            {Half1, Before ++ [Kind]};
        {error, bad_order, _} when not Fits ->
            {Half, Before}
    end.

the_last_frames_end_a_half_and_so_does_an_abort_test() ->
    ?assertEqual([fin, trailers, reply, abort],
        [Kind || Kind <- ?KINDS ++ [entered, credit, abort, open], gwport_half:ends(Kind)]).

what_is_of_no_half_is_out_of_order_test_() ->
    [?_assertMatch({error, bad_order, _}, frame(Kind, 1, Half))
        || Kind <- [open, entered, credit], Half <- [request(), response(), headed()]].

a_half_without_a_body_takes_nothing_test_() ->
    [?_assertMatch({error, bad_order, _}, frame(Kind, 1, gwport_half:none())) || Kind <- ?KINDS]
        ++ [?_assertEqual(none, gwport_half:end_of(gwport_half:none())), ?_assertNot(gwport_half:is_open(gwport_half:none()))].

%% Sizes

a_chunk_has_1_to_65536_bytes_test() ->
    [?assertMatch({more, _}, frame(chunk, Size, headed())) || Size <- [1, 65536]],
    [?assertMatch({error, bad_payload, _}, frame(chunk, Size, headed())) || Size <- [0, 65537]].

chunks_up_to_the_window_pass_and_one_byte_more_does_not_test() ->
    Half = more([{chunk, 65536}, {chunk, ?WINDOW - 65536}], headed()),
    ?assertMatch({error, flow_exceeded, _}, frame(chunk, 1, Half)),
    ?assertMatch({last, _}, frame(fin, 0, Half)).

heads_informs_and_trailers_are_of_max_head_at_most_test_() ->
    [[?_assertMatch({Said, _}, frame(Kind, ?MAX_HEAD, Half)),
        ?_assertMatch({error, too_large, _}, frame(Kind, ?MAX_HEAD + 1, Half))]
        || {Kind, Said, Half} <- [{inform, more, response()}, {head, more, response()}, {trailers, last, headed()}]].

a_reply_is_of_max_head_and_the_window_at_most_test() ->
    ?assertMatch({last, _}, frame(reply, ?MAX_HEAD + ?WINDOW, response())),
    ?assertMatch({error, too_large, _}, frame(reply, ?MAX_HEAD + ?WINDOW + 1, response())).

there_are_sixteen_informs_at_most_test() ->
    Sixteen = more(lists:duplicate(16, {inform, 1}), response()),
    ?assertMatch({error, bad_order, _}, frame(inform, 1, Sixteen)),
    ?assertMatch({more, _}, frame(head, 1, Sixteen)).

%% Credit

what_was_taken_is_granted_and_can_be_sent_test() ->
    Half = more([{chunk, 65536}, {chunk, ?WINDOW - 65536}], headed()),
    {0, Half1} = gwport_half:taken(?WINDOW div 2 - 1, Half),
    {Grant, Half2} = gwport_half:taken(1, Half1),
    ?assertEqual(?WINDOW div 2, Grant),
    ?assertMatch({more, _}, frame(chunk, Grant, Half2)),
    ?assertMatch({error, flow_exceeded, _}, frame(chunk, Grant + 1, Half2)).

a_grant_lets_the_sender_send_test() ->
    Half = gwport_half:new(request, 0),
    ?assertMatch({error, flow_exceeded, _}, frame(chunk, 1, Half)),
    {ok, Granted} = gwport_half:grant(10, Half),
    ?assertMatch({more, _}, frame(chunk, 10, Granted)),
    ?assertEqual(error, gwport_half:grant(0, Half)).

%% Abort

an_aborted_half_is_over_and_takes_nothing_test_() ->
    [begin
        Aborted = gwport_half:abort(Half),
        [?_assert(gwport_half:is_aborted(Aborted)), ?_assertNot(gwport_half:is_open(Aborted)),
            ?_assertEqual(aborted, gwport_half:end_of(Aborted)),
            [?_assertMatch({error, bad_order, _}, frame(Kind, 1, Aborted)) || Kind <- ?KINDS]]
    end || Half <- [request(), response(), headed(), gwport_half:none()]].

an_abort_is_overdue_at_the_second_look_test() ->
    {in_time, Once} = gwport_half:look(gwport_half:abort(request())),
    ?assert(gwport_half:is_aborted(Once)),
    {overdue, Twice} = gwport_half:look(Once),
    ?assertEqual(aborted, gwport_half:end_of(Twice)),
    ?assertMatch({overdue, _}, gwport_half:look(Twice)).

a_half_that_was_not_aborted_is_never_overdue_test() ->
    [?assertEqual({in_time, Half}, gwport_half:look(Half)) || Half <- [request(), headed(), gwport_half:none()]].

request() -> gwport_half:new(request, ?WINDOW).

response() -> gwport_half:new(response, ?WINDOW).

headed() -> more([{head, 1}], response()).

frame(Kind, Size, Half) ->
    gwport_half:frame(Kind, Size, ?MAX_HEAD, Half).

more(Frames, Half) ->
    lists:foldl(fun({Kind, Size}, Before) -> {more, After} = frame(Kind, Size, Before), After end, Half, Frames).
