%% The Go package etf beside the BEAM, which is right: random terms of every kind go to a Go program
%% (test/etfport) and come back, and the program's own come here.
-module(gwport_etf_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [binary/0, bitstring/0, elements/1, float/0, frequency/1, integer/0, integer/2, list/1,
    oneof/1, vector/2]).

%% The atoms of the program's terms are those of this list, so that [safe] finds them here. It wants the
%% functions of external funs to be there as well.
-define(ATOMS, [ok, error, true, false, undefined, nil, lists, map, a, infinity, 'nonode@nohost']).

%% 5,000 terms with `make test`, 100,000 with `make test-full`.
-define(TIMES, 50).

etf_test_() ->
    {setup, fun build/0, fun(File) -> [
        {"terms come back", property(File, fun comes_back/2, term())},
        {"terms come back from erlang_go", property(File, fun through_erlang_go/2, term())},
        {"Go's terms are read with [safe]", property(File, fun read_safely/2, integer(0, 1 bsl 64 - 1))},
        {"unusual bytes get the verdicts of the table", fun() -> verdicts(File) end}
    ] end}.

build() ->
    _ = ?ATOMS,
    gwport_probe:build("etfport").

%% A port answers its owner alone, so it is opened where the property runs.
property(File, Check, Generator) ->
    {timeout, Timeout, _} = gwport_gen:check(true, ?TIMES),
    {timeout, Timeout, fun() ->
        Port = open_port({spawn_executable, File}, [{packet, 4}, binary, exit_status]),
        {timeout, _, Run} = gwport_gen:check(?FORALL(Value, Generator, holds(Check, Port, Value)), ?TIMES),
        try Run() after close(Port) end
    end}.

%% PropEr tells the counterexample of what is false; of what is an exception, some of its versions do not.
holds(Check, Port, Value) ->
    try
        Check(Port, Value)
    catch
        Class:Reason ->
            io:format(user, "~p:~p~n", [Class, Reason]),
            false
    end.

%% A program that has ended has closed its port.
close(Port) ->
    erlang:port_info(Port) =:= undefined orelse port_close(Port).

%% Byte for byte, from the older forms as well, and in deterministic order where this Erlang has one (OTP 24.1).
comes_back(Port, Term) ->
    New = term_to_binary(Term, [{minor_version, 2}]),
    Old = term_to_binary(Term, [{minor_version, 1}]),
    Again = ask(Port, $e, New),
    Again =:= New andalso Again =:= ask(Port, $e, Old) andalso binary_to_term(Again) =:= Term
        andalso ask(Port, $v, New) =:= <<>> andalso in_order(Port, Term, New).

in_order(Port, Term, Bytes) ->
    Ordered = ask(Port, $d, Bytes),
    Ordered =:= ask(Port, $m, Bytes) andalso is_ordered(Ordered, Term).

%% From OTP 26 on the order is that in which atoms were made, where maps are in the keys of a map.
is_ordered(Bytes, Term) ->
    try ordered(Term) of
        Bytes -> true;
        _ -> release() > 25 andalso has_map_in_key(Term) andalso binary_to_term(Bytes) =:= Term
    catch
        error:badarg -> release() < 25
    end.

has_map_in_key(Map) when is_map(Map) ->
    lists:any(fun has_map/1, maps:keys(Map)) orelse lists:any(fun has_map_in_key/1, maps:values(Map));
has_map_in_key(Term) ->
    lists:any(fun has_map_in_key/1, parts(Term)).

has_map(Term) ->
    is_map(Term) orelse lists:any(fun has_map/1, parts(Term)).

%% Of what is no map.
parts([Head | Tail]) -> [Head, Tail];
parts(Tuple) when is_tuple(Tuple) -> tuple_to_list(Tuple);
parts(Fun) when is_function(Fun) -> element(2, erlang:fun_info(Fun, env));
parts(_) -> [].

%% What bridge/erlanggo makes of a term, erlang_go writes as that term, but for maps with keys that it has no values for.
through_erlang_go(Port, Term) ->
    case ask(Port, $g, term_to_binary(Term)) of
        <<131, _/binary>> = Bytes -> binary_to_term(Bytes) =:= Term;
        <<"erlanggo: map with the key ", _/binary>> -> has_key_of_no_value(Term);
        _ -> false
    end.

has_key_of_no_value(Map) when is_map(Map) ->
    lists:any(fun has_no_value/1, maps:keys(Map)) orelse has_key_of_no_value(maps:to_list(Map));
has_key_of_no_value([Head | Tail]) ->
    has_key_of_no_value(Head) orelse has_key_of_no_value(Tail);
has_key_of_no_value(Tuple) when is_tuple(Tuple) ->
    has_key_of_no_value(tuple_to_list(Tuple));
has_key_of_no_value(Fun) when is_function(Fun) ->
    erlang:fun_info(Fun, env) =/= {env, []} andalso has_key_of_no_value(element(2, erlang:fun_info(Fun, env)));
has_key_of_no_value(_) ->
    false.

has_no_value(Key) when is_atom(Key); is_float(Key) ->
    false;
has_no_value(Key) when is_integer(Key) ->
    Key < -1 bsl 31 orelse Key >= 1 bsl 31;
has_no_value([_ | _] = Key) ->
    not is_string(Key, 0);
has_no_value(_) ->
    true.

is_string([Byte | Rest], Length) when is_integer(Byte), Byte >= 0, Byte < 256 -> is_string(Rest, Length + 1);
is_string(Rest, Length) -> Rest =:= [] andalso Length < 65536.

%% What is read is what was meant: written by either side it is the same again. Since OTP 26 the BEAM writes ports in
%% another form than OTP 25, and a fun without the pid that it came with.
read_safely(Port, Seed) ->
    Bytes = ask(Port, $r, <<Seed:64>>),
    Term = binary_to_term(Bytes, [safe]),
    Again = ask(Port, $d, Bytes),
    binary_to_term(Again) =:= Term
        andalso (release() >= 26 orelse Again =:= ask(Port, $d, term_to_binary(Term, [{minor_version, 2}]))).

%% The table says what etf and the BEAM make of bytes that no Erlang writes. What both read is one term.
verdicts(File) ->
    Port = open_port({spawn_executable, File}, [{packet, 4}, binary, exit_status]),
    {ok, Table} = file:read_file(filename:join([gwport_probe:root(), "etf", "testdata", "verdicts.txt"])),
    Lines = [string:split(Line, "\t", all) || Line <- string:lexemes(binary_to_list(Table), "\n"), hd(Line) =/= $%],
    ?assert(length(Lines) > 190),
    Wrong = [Name || [Name, Hex, Beam, Etf | _] <- Lines, not has_verdict(Port, unhex(Hex), Beam, Etf)],
    close(Port),
    ?assertEqual([], Wrong).

has_verdict(Port, Bytes, Beam, Etf) ->
    Read = try {ok, binary_to_term(Bytes)} catch error:badarg -> badarg end,
    beam_verdict(Read, Beam) andalso case {Read, Etf} of
        {{ok, Term}, "ok"} -> is_written(ask(Port, $d, Bytes), Term);
        {badarg, "ok"} -> <<131>> =:= binary:part(ask(Port, $e, Bytes), 0, 1);
        _ -> iolist_to_binary(["etf: ", Etf]) =:= ask(Port, $e, Bytes)
    end.

is_written(Bytes, Term) ->
    binary_to_term(Bytes) =:= Term andalso (release() >= 26 orelse Bytes =:= ordered(Term)).

beam_verdict(Read, "badarg before " ++ Release) ->
    (Read =:= badarg) =:= (release() < list_to_integer(Release));
beam_verdict(Read, "ok before " ++ Release) ->
    (Read =/= badarg) =:= (release() < list_to_integer(Release));
beam_verdict({ok, _}, Verdict) ->
    Verdict =:= "ok";
beam_verdict(badarg, Verdict) ->
    Verdict =:= "badarg".

release() ->
    list_to_integer(erlang:system_info(otp_release)).

ordered(Term) ->
    term_to_binary(Term, [deterministic, {minor_version, 2}]).

unhex(Words) ->
    iolist_to_binary([repeated(string:split(Word, "*")) || Word <- string:lexemes(Words, " ")]).

repeated([Hex]) -> << <<(list_to_integer([A, B], 16))>> || <<A, B>> <= list_to_binary(Hex) >>;
repeated([Hex, Count]) -> binary:copy(repeated([Hex]), list_to_integer(Count)).

%% A program that has ended answers nothing; what it died of is on stderr.
ask(Port, Letter, Data) ->
    true = port_command(Port, [Letter, Data]),
    receive
        {Port, {data, Answer}} -> Answer;
        {Port, {exit_status, Status}} -> error({etfport_ended, Status})
    end.

%% Terms of every kind, small and large, with a node's own and other nodes'. What is long or deep has leaves in it
%% only: a long list of long lists would be millions of terms.
term() ->
    Leaf = leaf(), % once: to put a generator together takes longer than to use it
    ?LET(Depth, integer(0, 4), term(Depth, Leaf)).

term(0, Leaf) ->
    Leaf;
term(Depth, Leaf) ->
    Inner = ?LAZY(term(Depth - 1, Leaf)),
    frequency([
        {2, Leaf},
        {2, few(Inner)},
        {2, ?LET(Elems, few(Inner), list_to_tuple(Elems))},
        {2, ?LET(Pairs, few({Inner, Inner}), maps:from_list(Pairs))},
        {1, ?LET({Elems, Tail}, {few(Inner), Leaf}, Elems ++ Tail)},
        {1, ?LET(Value, Inner, fun() -> Value end)},
        {1, ?LET({Levels, Value}, {integer(0, 300), Leaf}, nested(Levels, Value))},
        {1, ?LET({Kind, Count, Value}, {elements([list, tuple, map]), integer(0, 600), Leaf}, many(Kind, Count, Value))}
    ]).

few(Type) ->
    ?LET(Count, integer(0, 5), vector(Count, Type)).

many(list, Count, Value) -> lists:duplicate(Count, Value);
many(tuple, Count, Value) -> erlang:make_tuple(Count, Value);
many(map, Count, Value) -> maps:from_list([{{N rem 7, N}, Value} || N <- lists:seq(1, Count)]).

nested(0, Value) -> Value;
nested(Levels, Value) when Levels rem 3 =:= 0 -> [nested(Levels - 1, Value)];
nested(Levels, Value) when Levels rem 3 =:= 1 -> {nested(Levels - 1, Value), Levels};
nested(Levels, Value) -> #{Levels => nested(Levels - 1, Value)}.

leaf() ->
    oneof([
        integer(0, 255), integer(-1 bsl 31, 1 bsl 31), integer(-1 bsl 70, 1 bsl 70),
        ?LET({N, Bits}, {integer(), integer(0, 5000)}, (2 * N + 1) bsl Bits),
        float(), elements([0.0, 1.0, 2.0, 1.0e300, 5.0e-324]),
        atom(), atom(), binary(), bitstring(), list(integer(0, 255)), [], {}, #{},
        pid(), port(), reference(),
        ?LET({Module, Function, Arity}, {atom(), atom(), integer(0, 255)}, fun Module:Function/Arity),
        elements([self(), make_ref(), fun lists:map/2 | [hd(erlang:ports()) || release() < 26]])
    ]).

%% Not PropEr's, which would make a million of them.
atom() ->
    oneof([elements(['', 'Ok', 'é', 'π', '日本' | ?ATOMS]),
        ?LET(Letter, elements([$a, $é, $π]), list_to_atom(lists:duplicate(255, Letter)))]).

%% Of other nodes, through the only door that there is.
pid() ->
    ?LET({Node, Id, Serial, Creation}, {node_name(), word(), word(), word()},
        binary_to_term(<<131, 88, Node/binary, Id:32, Serial:32, Creation:32>>)).

%% Of ports below 1 bsl 28 the package writes what OTP 25 does.
port() ->
    Highest = oneof([integer(1, 1 bsl 32 - 1) | [0 || release() < 26]]),
    ?LET({Node, High, Id, Creation}, {node_name(), Highest, word(), word()},
        binary_to_term(<<131, 120, Node/binary, High:32, Id:32, Creation:32>>)).

%% Not of one word: OTP 25 does not find such a key in a map of more than 32 pairs, and takes two equal maps that have one
%% for different.
reference() ->
    ?LET({Node, Words, Creation}, {node_name(), ?LET(N, elements([2, 3, 5]), vector(N, word())), word()},
        binary_to_term(<<131, 90, (length(Words)):16, Node/binary, Creation:32,
            << <<Word:32>> || Word <- Words >>/binary>>)).

node_name() ->
    elements([<<119, 3, "b@c">>, <<119, 4, "é@c"/utf8>>, <<119, 3, "a@b">>]).

word() ->
    oneof([integer(0, 9), integer(0, 1 bsl 32 - 1)]).
