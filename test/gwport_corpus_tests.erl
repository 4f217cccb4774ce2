%% The wire's corpus, test/corpus, whose README.md describes the format. Go's tests read the same files.
-module(gwport_corpus_tests).

-include_lib("eunit/include/eunit.hrl").

%% The frames that there are, and what becomes of the bytes behind them.

frames_are_read_as_the_corpus_says_test_() ->
    [{Name, fun() ->
        Frames = [frame(Value) || {frame, Value} <- Case],
        {Outcome, Read} = parse(bytes(Case), max(Case)),
        ?assertEqual(Frames, Read),
        ?assertEqual(at_the_reader(verdict(Case)), Outcome)
    end} || {Name, Case} <- cases("frames.txt"), not is_others(Case)].

%% In any chunking, a byte at a time being the smallest.
frames_in_single_bytes_are_read_as_the_corpus_says_test_() ->
    [{Name, fun() ->
        {Outcome, Read} = parse_bytes(bytes(Case), gwport_frame:new(max(Case)), []),
        ?assertEqual([frame(Value) || {frame, Value} <- Case], Read),
        ?assertEqual(at_the_reader(verdict(Case)), Outcome)
    end} || {Name, Case} <- cases("frames.txt"), byte_size(bytes(Case)) < 1000, not is_others(Case)].

frames_are_written_as_the_corpus_says_test_() ->
    [{Name, fun() ->
        Written = case frame(proplists:get_value(frame, Case)) of
            {Kind, _} -> gwport_frame:encode(Kind, term(Case));
            {Kind, Stream, _} -> gwport_frame:encode(Kind, Stream, term(Case))
        end,
        ?assertEqual(bytes(Case), iolist_to_binary(Written))
    end} || {Name, Case} <- cases("frames.txt"), is_written_here(Case)].

%% Payloads: a term that is told is read; what is bad is no term, or nothing its kind can use.

payloads_of_frames_are_read_as_the_corpus_says_test_() ->
    [{Name, fun() ->
        [case term(Case) of
            none -> ok;
            Term -> ?assertEqual({ok, Term}, gwport_frame:decode_payload(payload(Frame)))
        end || Frame <- [frame(Value) || {frame, Value} <- Case]]
    end} || {Name, Case} <- cases("frames.txt")].

bad_payloads_cost_their_stream_test_() ->
    [{Name, ?_assert(is_refused(frame(proplists:get_value(frame, Case))))}
        || {Name, Case} <- cases("frames.txt"), for_host(Case), verdict(Case) =:= "bad-payload"].

good_payloads_do_not_test_() ->
    [{Name, ?_assertNot(is_refused(frame(proplists:get_value(frame, Case))))}
        || {Name, Case} <- cases("frames.txt"), for_host(Case), verdict(Case) =:= "ok"].

grants_that_cannot_be_are_bad_credit_test_() ->
    [{Name, fun() ->
        {ok, Commands, _} = gwport_mux:frame(frame(proplists:get_value(frame, Case)), mux(open)),
        ?assert(aborts(gwport_frame:abort_code(bad_credit), Commands))
    end} || {Name, Case} <- cases("frames.txt"), for_host(Case), verdict(Case) =:= "abort bad_credit"].

terms_are_read_as_the_corpus_says_test_() ->
    [{Name, fun() ->
        Term = term(Case), % first, because reading makes no atoms
        Read = gwport_frame:decode_payload(bytes(Case)),
        case verdict(Case) of
            "either" -> ok;
            "bad-payload" -> ?assertEqual(error, Read);
            "ok" when Term =:= none -> ?assertMatch({ok, _}, Read);
            "ok" -> ?assertEqual({ok, Term}, Read)
        end
    end} || {Name, Case} <- cases("terms.txt"), for_host(Case)].

terms_are_written_as_the_corpus_says_test_() ->
    [{Name, ?_assertEqual(bytes(Case), term_to_binary(term(Case)))}
        || {Name, Case} <- cases("terms.txt"), is_written_here(Case)].

the_corpus_is_there_test() ->
    ?assert(length(cases("frames.txt")) >= 130),
    ?assert(length(cases("terms.txt")) >= 70),
    [?assertEqual(length(Names), length(lists:usort(Names)))
        || File <- ["frames.txt", "terms.txt"], Names <- [[Name || {Name, _} <- cases(File)]]].

%% Every kind is there, right, and wrong where it can be.
every_kind_is_there_test() ->
    Kinds = [element(1, frame(Value)) || {_, Case} <- cases("frames.txt"), {frame, Value} <- Case],
    [?assert(lists:member(Kind, Kinds)) || Kind <- [hello, ready, fault, ping, pong, drain, log, ask, part, answered, open,
        entered, chunk, fin, trailers, credit, abort, inform, head, reply, takeover]].

%% Who refuses what: the mux for what it handles, gwport_response for the rest; a payload without a
%% stream only has to be a term here, since its owner holds the rest against its own state.
is_refused({Kind, Stream, Payload}) when Kind =:= inform; Kind =:= head; Kind =:= reply; Kind =:= trailers ->
    _ = Stream,
    gwport_response:Kind(Payload) =:= error;
is_refused({Kind, Stream, Payload}) ->
    {ok, Commands, _} = gwport_mux:frame({Kind, Stream, Payload}, mux(Kind)),
    aborts(gwport_frame:abort_code(bad_payload), Commands);
is_refused({Kind, Payload}) ->
    case {Kind, gwport_frame:decode_payload(Payload)} of
        {_, error} -> true;
        {Kind, {ok, Number}} when Kind =:= ping; Kind =:= pong; Kind =:= drain ->
            not is_integer(Number) orelse Number < 0 orelse Number > 2147483647
                orelse (Kind =:= drain andalso Number < 255);
        {Kind, Answer} when Kind =:= part; Kind =:= answered ->
            gwport_asked:Kind(Answer, gwport_asked:new()) =:= error;
        {fault, {ok, {Code, Text}}} -> not (is_integer(Code) andalso is_binary(Text));
        {fault, _} -> true;
        {_, {ok, _}} -> false
    end.

aborts(Code, Commands) ->
    [] =/= [write || {write, 256, abort, {C, _}} <- Commands, C =:= Code].

%% A port with stream 256 open, and its head there where the frame comes behind one.
mux(Kind) ->
    Ref = make_ref(),
    Body = case Kind of takeover -> upgrade; _ -> now end,
    Opening = {256, {self(), Ref, {Ref, tag}}, 262144, Body, false},
    {_, Mux} = gwport_mux:opened(Opening, gwport_mux:new(#{window => 65536, max_head => 65536, files => true, hijack => true})),
    case Kind =:= chunk orelse Kind =:= fin of
        true ->
            {ok, _, Mux1} = gwport_mux:frame({head, 256, term_to_binary({200, []})}, Mux),
            Mux1;
        false ->
            Mux
    end.

%% What gwport_frame can say: numbers of streams and payloads are others' business.
at_the_reader("need-more") -> 'need-more';
at_the_reader("wire-fault bad_frame") -> bad_frame;
at_the_reader(_) -> ok.

parse(<<>>, _) ->
    {'need-more', []};
parse(Bytes, Max) ->
    outcome(gwport_frame:parse(Bytes, gwport_frame:new(Max)), []).

parse_bytes(<<Byte:1/binary, Rest/binary>>, Buffer0, Before) when Rest =/= <<>> ->
    case gwport_frame:parse(Byte, Buffer0) of
        {ok, Frames, Buffer} -> parse_bytes(Rest, Buffer, Before ++ Frames);
        Fault -> outcome(Fault, Before)
    end;
parse_bytes(<<>>, _, []) ->
    {'need-more', []};
parse_bytes(Last, Buffer, Before) ->
    outcome(gwport_frame:parse(Last, Buffer), Before).

outcome({error, {Fault, _}, Frames}, Before) ->
    {Fault, Before ++ Frames};
outcome({ok, Frames, Buffer}, Before) ->
    case gwport_frame:is_empty(Buffer) of
        true -> {ok, Before ++ Frames};
        false -> {'need-more', Before ++ Frames}
    end.

payload(Frame) ->
    element(tuple_size(Frame), Frame).

%% The file

cases(File) ->
    {ok, Text} = file:read_file(filename:join([root(), "test", "corpus", File])),
    Lines = [line(Line) || Line <- binary:split(Text, <<"\n">>, [global]), Line =/= <<>>,
        binary:first(Line) =/= $#],
    grouped(Lines).

grouped([{'case', Name} | Rest]) ->
    {Case, Others} = lists:splitwith(fun({Key, _}) -> Key =/= 'case' end, Rest),
    [{Name, Case} | grouped(Others)];
grouped([]) ->
    [].

line(Line) ->
    [Key, Value] = binary:split(Line, <<":">>),
    {key(Key), string:trim(unicode:characters_to_list(Value))}.

key(<<"case">>) -> 'case';
key(<<"rule">>) -> rule;
key(<<"max">>) -> max;
key(<<"bytes">>) -> bytes;
key(<<"frame">>) -> frame;
key(<<"term">>) -> term;
key(<<"encoder">>) -> encoder;
key(<<"verdict">>) -> verdict;
key(<<"reader">>) -> reader.

verdict(Case) ->
    proplists:get_value(verdict, Case).

max(Case) ->
    list_to_integer(proplists:get_value(max, Case, "1048576")).

bytes(Case) ->
    hex(proplists:get_value(bytes, Case)).

%% A fault that only a program sees: a frame from the wrong side, which is its owner's business here.
is_others(Case) ->
    proplists:get_value(reader, Case) =:= "program" andalso verdict(Case) =:= "wire-fault bad_frame".

for_host(Case) ->
    lists:member(proplists:get_value(reader, Case), ["host", "both"]).

%% Whether this OTP writes the term so.
is_written_here(Case) ->
    Atoms = case term_to_binary(ok) of
        <<131, 100, _/binary>> -> "otp25";
        _ -> "otp26"
    end,
    lists:member(proplists:get_value(encoder, Case), ["any", Atoms]) andalso no_chunk(Case).

no_chunk(Case) ->
    not lists:prefix("chunk ", proplists:get_value(frame, Case, "")).

term(Case) ->
    case proplists:get_value(term, Case) of
        undefined ->
            none;
        Text ->
            {ok, Tokens, _} = erl_scan:string(Text ++ "."),
            {ok, Term} = erl_parse:parse_term(Tokens),
            Term
    end.

frame(Value) ->
    case string:split(Value, " ", all) of
        [Kind, "-" | Payload] -> {list_to_atom(Kind), hex(lists:join($\s, Payload))};
        [Kind, Stream | Payload] -> {list_to_atom(Kind), list_to_integer(Stream), hex(lists:join($\s, Payload))}
    end.

hex(Text) ->
    iolist_to_binary([group(Group) || Group <- string:lexemes(lists:flatten(Text), " ")]).

group("(" ++ Rest) ->
    [Digits, Times] = string:split(Rest, ")*"),
    binary:copy(binary:decode_hex(list_to_binary(Digits)), list_to_integer(Times));
group(Digits) ->
    binary:decode_hex(list_to_binary(Digits)).

root() ->
    Source = proplists:get_value(source, ?MODULE:module_info(compile)),
    filename:dirname(filename:dirname(Source)).
