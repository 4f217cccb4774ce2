%% What Cowboy is given in the place of commands that bear a mark.
-module(gwport_trailers_tests).

-include_lib("eunit/include/eunit.hrl").

-define(FIELDS, #{<<"x-sum">> => <<"1">>}).

commands_without_a_mark_are_not_marked_test_() ->
    [?_assertNot(gwport_trailers:is_marked(Command))
        || Command <- [stop, {headers, 200, ?FIELDS}, {trailers, ?FIELDS}, {trailers, #{}}, {data, fin, <<"x">>},
            {response, 200, ?FIELDS, <<>>}]].

trailers_of_a_lone_request_hand_the_connection_over_test_() ->
    %% What stands behind them is Cowboy's business no more; what stands before them is.
    [?_assertEqual([{data, nofin, <<"x">>}, {switch_protocol, #{}, gwport_trailers, {7, {Fate, undefined}, ?FIELDS}}],
        commands(true, [{data, nofin, <<"x">>}, trailers({Fate, undefined}), {flow, 1}, stop]))
        || Fate <- [keep, close]].

trailers_beside_other_requests_are_cowboys_test() ->
    ?assertEqual([{trailers, ?FIELDS}, {flow, 1}, stop],
        commands(false, [trailers({close, undefined}), {flow, 1}, stop])).

a_head_says_that_a_lone_connection_ends_test_() ->
    [?_assertEqual({Alone, Options}, {Alone, connection(commands(Alone, [headers(Fields)]))})
        || {Alone, Fields, Options} <- [
            {true, ?FIELDS, <<"close">>},
            {false, ?FIELDS, none},
            {true, #{<<"connection">> => <<"upgrade">>}, <<"close, upgrade">>},
            {false, #{<<"connection">> => <<"upgrade">>}, <<"upgrade">>}]].

commands(Alone, Commands) ->
    true = lists:any(fun gwport_trailers:is_marked/1, Commands),
    Given = gwport_trailers:commands(7, Alone, Commands),
    false = lists:any(fun gwport_trailers:is_marked/1, Given),
    Given.

trailers(Mark) -> {trailers, gwport_trailers:mark(Mark, ?FIELDS)}.

headers(Fields) -> {headers, 200, gwport_trailers:mark(ends, Fields)}.

connection([{headers, 200, #{<<"connection">> := Options}}]) -> iolist_to_binary(Options);
connection([{headers, 200, _}]) -> none.
