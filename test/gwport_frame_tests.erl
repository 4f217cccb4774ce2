-module(gwport_frame_tests).

-define(PROPER_NO_TRANS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-define(MAX, 1000).

%% Frames in any chunking [F1]

frames_in_any_chunking_parse_to_the_same_frames_test_() ->
    gwport_gen:check(?FORALL({Frames, Cuts}, {list(gwport_gen:frame()), gwport_gen:cuts()},
        begin
            Wire = iolist_to_binary([gwport_gen:wire(Frame) || Frame <- Frames]),
            {ok, Parsed, Buffer} = feed(gwport_gen:split(Wire, Cuts)),
            [whole(Frame) || Frame <- Parsed] =:= Frames andalso gwport_frame:is_empty(Buffer)
        end)).

%% A chunk that has come in two reads is passed on as it came; what is behind it, or comes in more reads, is whole.
chunk_in_two_reads_test() ->
    Wire = iolist_to_binary([gwport_gen:wire({chunk, 256, <<"abcdef">>}), gwport_gen:wire({fin, 256, <<>>})]),
    Bytes = byte_size(iolist_to_binary(gwport_gen:wire({chunk, 256, <<>>}))) + 2,
    <<Begin:Bytes/binary, Next:1/binary, Rest/binary>> = Wire,
    ?assertMatch({ok, [{chunk, 256, [<<"ab">>, <<"cdef">>]}, {fin, 256, _}], _}, feed([Begin, <<Next/binary, Rest/binary>>])),
    ?assertMatch({ok, [{chunk, 256, <<"abcdef">>}, {fin, 256, _}], _}, feed([Begin, Next, Rest])).

%% A chunk that has come in two reads is in two parts.
whole({chunk, Stream, Parts}) -> {chunk, Stream, iolist_to_binary(Parts)};
whole(Frame) -> Frame.

broken_bytes_in_any_chunking_give_the_same_outcome_test_() ->
    gwport_gen:check(?FORALL({Wire, Cuts}, {gwport_gen:broken_wire(), gwport_gen:cuts()},
        outcome(feed([Wire])) =:= outcome(feed(gwport_gen:split(Wire, Cuts))))).

any_bytes_give_frames_an_error_or_a_wait_test_() ->
    gwport_gen:check(?FORALL(Wire, gwport_gen:broken_wire(),
        case gwport_frame:parse(Wire, gwport_frame:new(?MAX)) of
            {ok, Frames, _} -> is_list(Frames);
            {error, {bad_frame, Sentence}, Frames} -> is_binary(Sentence) andalso is_list(Frames)
        end)).

%% What is kept of a read is less than one frame, whatever a length claims.
no_more_is_kept_than_a_frame_may_have_test_() ->
    gwport_gen:check(?FORALL({Frames, Rest, Junk},
            {list(gwport_gen:frame()), gwport_gen:frame(), gwport_gen:bytes(3000)},
        begin
            Half = gwport_gen:wire(Rest),
            Wire = iolist_to_binary([[gwport_gen:wire(Frame) || Frame <- Frames],
                part_of(Half, Junk), Junk]),
            case gwport_frame:parse(Wire, gwport_frame:new(100)) of
                {ok, _, Buffer} -> erlang:external_size(Buffer) =< 100 + 4 + 100;
                {error, _, _} -> true
            end
        end)).

part_of(Half, Junk) ->
    binary:part(Half, 0, byte_size(Junk) rem byte_size(Half)).

one_byte_at_a_time_keeps_no_more_than_one_frame_test() ->
    Wire = iolist_to_binary(lists:duplicate(20, gwport_gen:wire({chunk, 256, binary:copy(<<"x">>, 60)}))),
    lists:foldl(fun(Byte, Buffer0) ->
        {ok, _, Buffer} = gwport_frame:parse(<<Byte>>, Buffer0),
        %% A part of one byte takes eight in external form.
        ?assert(erlang:external_size(Buffer) =< 8 * (60 + 15 + 4) + 100),
        Buffer
    end, gwport_frame:new(100), binary_to_list(Wire)).

a_read_may_end_anywhere_in_a_frame_test() ->
    Wire = gwport_gen:wire({head, 300, <<"payload">>}),
    [begin
        <<First:Cut/binary, Second/binary>> = Wire,
        {ok, [], Buffer} = gwport_frame:parse(First, gwport_frame:new(?MAX)),
        ?assertEqual(Cut =:= 0, gwport_frame:is_empty(Buffer)),
        ?assertMatch({ok, [{head, 300, <<"payload">>}], _}, gwport_frame:parse(Second, Buffer))
    end || Cut <- lists:seq(0, byte_size(Wire) - 1)].

an_empty_read_changes_nothing_test() ->
    Buffer = gwport_frame:new(?MAX),
    ?assertEqual({ok, [], Buffer}, gwport_frame:parse(<<>>, Buffer)),
    {ok, [], Half} = gwport_frame:parse(<<0, 0>>, Buffer),
    ?assertEqual({ok, [], Half}, gwport_frame:parse(<<>>, Half)).

a_fresh_buffer_is_empty_test() ->
    ?assert(gwport_frame:is_empty(gwport_frame:new(?MAX))).

a_buffer_with_part_of_a_length_is_not_empty_test() ->
    {ok, [], Buffer} = gwport_frame:parse(<<0>>, gwport_frame:new(?MAX)),
    ?assertNot(gwport_frame:is_empty(Buffer)).

a_buffer_after_a_whole_frame_and_a_byte_is_not_empty_test() ->
    {ok, [_], Buffer} = gwport_frame:parse(<<(gwport_gen:wire({ping, <<>>}))/binary, 0>>,
        gwport_frame:new(?MAX)),
    ?assertNot(gwport_frame:is_empty(Buffer)).

with_an_error_come_the_frames_before_it_test() ->
    Good = [{ping, <<"a">>}, {chunk, 256, <<"b">>}],
    Wire = iolist_to_binary([[gwport_gen:wire(Frame) || Frame <- Good], <<9:32>>, <<"junk">>]),
    ?assertMatch({error, {bad_frame, _}, Good}, gwport_frame:parse(Wire, gwport_frame:new(?MAX))).

%% Lengths [F2]

a_frame_of_10_bytes_passes_test() ->
    ?assertMatch({ok, [{ping, <<>>}], _},
        gwport_frame:parse(<<10:32, 131, 104, 2, 97, 3, 109, 0:32>>, gwport_frame:new(?MAX))).

a_frame_of_9_bytes_is_refused_test() ->
    ?assertMatch({error, {bad_frame, _}, []},
        gwport_frame:parse(<<9:32, 131, 104, 2, 97, 3, 109, 0:24>>, gwport_frame:new(?MAX))).

a_frame_of_max_frame_bytes_passes_test() ->
    Payload = binary:copy(<<"x">>, ?MAX - 15),
    ?assertMatch({ok, [{chunk, 256, Payload}], _},
        gwport_frame:parse(gwport_gen:wire({chunk, 256, Payload}), gwport_frame:new(?MAX))).

a_frame_of_max_frame_and_1_bytes_is_refused_test() ->
    Payload = binary:copy(<<"x">>, ?MAX - 14),
    ?assertMatch({error, {bad_frame, _}, []},
        gwport_frame:parse(gwport_gen:wire({chunk, 256, Payload}), gwport_frame:new(?MAX))).

a_bad_length_is_refused_with_its_fourth_byte_test() ->
    [begin
        <<Three:3/binary, Fourth/binary>> = <<Size:32>>,
        {ok, [], Buffer} = gwport_frame:parse(Three, gwport_frame:new(?MAX)),
        ?assertMatch({error, {bad_frame, _}, []}, gwport_frame:parse(Fourth, Buffer))
    end || Size <- [0, 9, ?MAX + 1, 16#ffffffff]].

a_length_at_the_edge_waits_for_its_bytes_test() ->
    [?assertMatch({ok, [], _}, gwport_frame:parse(<<Size:32>>, gwport_frame:new(?MAX)))
        || Size <- [10, ?MAX]].

%% Envelopes [F3, F8]

a_stream_number_from_256_to_2147483647_passes_test() ->
    [?assertMatch({ok, [{chunk, N, <<"x">>}], _}, parse(enveloped(18, N, <<"x">>)))
        || N <- [256, 257, 2147483646, 2147483647]].

a_stream_number_outside_is_refused_test() ->
    [?assertMatch({error, {bad_frame, _}, []}, parse(enveloped(18, N, <<"x">>)))
        || N <- [0, 255, 2147483648, 16#ffffffff]].

every_kind_of_the_table_is_known_in_its_envelope_test() ->
    [?assertMatch({ok, [{Name, <<"p">>}], _}, parse(enveloped(Kind, <<"p">>)))
        || {Kind, Name} <- port_kinds()],
    [?assertMatch({ok, [{Name, 256, <<"p">>}], _}, parse(enveloped(Kind, 256, <<"p">>)))
        || {Kind, Name} <- stream_kinds()].

every_other_kind_is_refused_in_either_envelope_test() ->
    [?assertMatch({error, {bad_frame, _}, []}, parse(enveloped(Kind, <<"p">>)))
        || Kind <- lists:seq(0, 255), not lists:keymember(Kind, 1, port_kinds())],
    [?assertMatch({error, {bad_frame, _}, []}, parse(enveloped(Kind, 256, <<"p">>)))
        || Kind <- lists:seq(0, 255), not lists:keymember(Kind, 1, stream_kinds())].

kinds_have_the_numbers_of_the_table_test() ->
    [?assertEqual(Kind, gwport_frame:kind(Name)) || {Kind, Name} <- port_kinds() ++ stream_kinds()].

port_kinds() ->
    [{0, hello}, {1, ready}, {2, fault}, {3, ping}, {4, pong}, {5, drain}, {6, log},
     {7, ask}, {8, part}, {9, answered}].

stream_kinds() ->
    [{16, open}, {17, entered}, {18, chunk}, {19, fin}, {20, trailers}, {21, credit}, {22, abort},
     {23, inform}, {24, head}, {25, reply}, {26, takeover}, {27, file}, {28, taken}].

what_is_no_envelope_is_refused_test_() ->
    [{Claim, ?_assertMatch({error, {bad_frame, _}, []}, parse(<<(byte_size(Bin)):32, Bin/binary>>))}
        || {Claim, Bin} <- [
            {"no version byte", <<130, 104, 2, 97, 3, 109, 0:32>>},
            {"a list", term_to_binary([3, <<"payload">>])},
            {"a tuple of one", term_to_binary({<<"a long enough payload">>})},
            {"a tuple of four", term_to_binary({18, 256, <<>>, <<>>})},
            {"a large tuple", <<131, 105, 2:32, 97, 3, 109, 0:32>>},
            {"an atom as a kind", term_to_binary({ping, <<>>})},
            {"a kind as an integer", <<131, 104, 2, 98, 3:32, 109, 0:32>>},
            {"a stream as a small integer", <<131, 104, 3, 97, 18, 97, 200, 109, 1:32, $x>>},
            {"a stream as a big integer", term_to_binary({18, 1 bsl 40, <<"x">>})},
            {"a list as a payload", term_to_binary({3, "payload"})},
            {"a bit string as a payload", term_to_binary({3, <<1:7>>})},
            {"a compressed term", term_to_binary({3, binary:copy(<<0>>, 500)}, [{compressed, 9}])},
            {"bytes behind the payload", <<131, 104, 2, 97, 3, 109, 0:32, 0>>},
            {"a payload past the frame", <<131, 104, 2, 97, 3, 109, 2:32, 0>>},
            {"a stream payload past the frame", <<131, 104, 3, 97, 18, 98, 256:32, 109, 2:32, 0>>},
            {"bytes behind a stream payload", <<131, 104, 3, 97, 18, 98, 256:32, 109, 1:32, 0, 0>>},
            {"a stream head cut short", <<131, 104, 3, 97, 18, 98, 256:32, 109, 0:24>>}]].

%% A payload's length is checked against its own frame and not against what else has come.
a_payload_does_not_reach_into_the_next_frame_test() ->
    Next = gwport_gen:wire({ping, <<"next frame">>}),
    ?assertMatch({error, {bad_frame, _}, []},
        parse(<<10:32, 131, 104, 2, 97, 3, 109, 4:32, Next/binary>>)).

%% Encoding

what_is_encoded_parses_to_the_same_frame_test_() ->
    gwport_gen:check(?FORALL({Kind, N, Term, Data},
            {oneof([open, entered, fin, trailers, credit, abort, inform, head, reply]),
             integer(256, 2147483647), any(), binary()},
        begin
            {ok, [{Kind, N, Payload}, {chunk, N, Data}, {log, Logged}], _} = parse(iolist_to_binary([
                gwport_frame:encode(Kind, N, Term), gwport_frame:encode(chunk, N, Data),
                gwport_frame:encode(log, Term)])),
            gwport_frame:decode_payload(Payload) =:= {ok, Term} andalso Logged =:= Payload
        end)).

a_chunk_of_iodata_is_its_bytes_test() ->
    ?assertMatch({ok, [{chunk, 256, <<"abcd">>}], _},
        parse(iolist_to_binary(gwport_frame:encode(chunk, 256, [$a, [<<"b">>, "c"] | <<"d">>])))).

frames_are_encoded_as_an_ordinary_encoder_does_test() ->
    ?assertEqual(gwport_gen:wire({ping, term_to_binary(7)}),
        iolist_to_binary(gwport_frame:encode(ping, 7))),
    ?assertEqual(gwport_gen:wire({abort, 256, term_to_binary({2, <<>>})}),
        iolist_to_binary(gwport_frame:encode(abort, 256, {2, <<>>}))).

open_carries_its_type_window_and_request_test() ->
    Request = #{<<"method">> => <<"GET">>},
    [begin
        <<131, Encoded/binary>> = term_to_binary(Request),
        {ok, [{open, 258, Payload}], _} =
            parse(iolist_to_binary(gwport_frame:encode_open(258, Window, Encoded))),
        ?assertEqual({ok, {0, Window, Request}}, gwport_frame:decode_payload(Payload))
    end || Window <- [0, 255, 256, 262144, 16777216]].

%% Payloads [F4, F5]

a_payload_is_one_term_test() ->
    ?assertEqual({ok, {200, [], <<>>}}, gwport_frame:decode_payload(term_to_binary({200, [], <<>>}))).

a_compressed_payload_is_refused_test() ->
    Bomb = term_to_binary(binary:copy(<<0>>, 1000000), [{compressed, 9}]),
    ?assertMatch(<<131, 80, _/binary>>, Bomb),
    ?assertEqual(error, gwport_frame:decode_payload(Bomb)).

a_compressed_term_inside_a_payload_is_refused_test() ->
    <<131, Inner/binary>> = term_to_binary(binary:copy(<<0>>, 1000), [{compressed, 9}]),
    ?assertEqual(error, gwport_frame:decode_payload(<<131, 104, 1, Inner/binary>>)),
    ?assertEqual(error, gwport_frame:decode_payload(<<131, 104, 1, 131, Inner/binary>>)).

an_unknown_atom_is_refused_and_not_made_test() ->
    Name = <<"gwport_no_such_", (integer_to_binary(erlang:unique_integer([positive])))/binary>>,
    Size = byte_size(Name),
    [?assertEqual(error, gwport_frame:decode_payload(Payload)) || Payload <- [
        <<131, 119, Size, Name/binary>>, <<131, 118, Size:16, Name/binary>>,
        <<131, 115, Size, Name/binary>>, <<131, 100, Size:16, Name/binary>>,
        <<131, 104, 2, 97, 200, 119, Size, Name/binary>>]],
    ?assertError(badarg, binary_to_existing_atom(Name)).

a_known_atom_passes_in_each_spelling_of_otp_test() ->
    [?assertEqual({ok, true}, gwport_frame:decode_payload(Payload)) || Payload <- [
        <<131, 119, 4, "true">>, <<131, 118, 4:16, "true">>, <<131, 100, 4:16, "true">>]].

bytes_behind_the_term_are_refused_test() ->
    ?assertEqual({ok, []}, gwport_frame:decode_payload(<<131, 106>>)),
    ?assertEqual(error, gwport_frame:decode_payload(<<131, 106, 0>>)),
    ?assertEqual(error, gwport_frame:decode_payload(<<131, 106, 131, 106>>)).

what_is_no_term_is_refused_test() ->
    [?assertEqual(error, gwport_frame:decode_payload(Payload)) || Payload <- [
        <<>>, <<131>>, <<106>>, <<130, 106>>, <<131, 255>>, <<"hello">>,
        %% Lengths that nothing stands behind.
        <<131, 108, 16#ffffffff:32>>, <<131, 109, 16#ffffffff:32, 0>>, <<131, 116, 16#ffffffff:32>>,
        <<131, 105, 16#ffffffff:32>>, <<131, 111, 16#ffffffff:32, 0>>]].

any_payload_gives_a_term_or_an_error_test_() ->
    gwport_gen:check(?FORALL(Bin, oneof([binary(), ?LET(B, binary(), <<131, B/binary>>), damaged()]),
        case gwport_frame:decode_payload(Bin) of
            {ok, _} -> true;
            error -> true
        end)).

damaged() ->
    ?LET({Term, Place, Byte}, {any(), non_neg_integer(), byte()},
        begin
            Bin = term_to_binary(Term),
            At = Place rem byte_size(Bin),
            <<Before:At/binary, _, After/binary>> = Bin,
            <<Before/binary, Byte, After/binary>>
        end).

%% Codes (section 8)

abort_codes_are_those_of_the_table_test() ->
    [begin
        ?assertEqual(Code, gwport_frame:abort_code(Name)),
        ?assertEqual(Name, gwport_frame:abort_name(Code))
    end || {Code, Name} <- [
        {0, no_error}, {1, internal_error}, {2, cancelled}, {3, deadline}, {4, head_timeout},
        {5, idle_timeout}, {6, refused}, {7, no_app}, {8, bad_payload}, {9, bad_order},
        {10, bad_credit}, {11, flow_exceeded}, {12, too_large}, {13, bad_length}, {14, bad_response},
        {15, port_closed}]].

an_unknown_abort_code_counts_as_internal_error_test() ->
    [?assertEqual(internal_error, gwport_frame:abort_name(Code)) || Code <- [-1, 16, 1 bsl 70]].

fault_codes_are_those_of_the_table_test() ->
    [begin
        ?assertEqual(Code, gwport_frame:fault_code(Name)),
        ?assertEqual(Name, gwport_frame:fault_name(Code))
    end || {Code, Name} <- [
        {1, no_common_version}, {2, bad_frame}, {3, bad_stream}, {4, bad_greeting}, {5, failed}]].

an_unknown_fault_code_counts_as_bad_frame_test() ->
    [?assertEqual(bad_frame, gwport_frame:fault_name(Code)) || Code <- [-1, 0, 6, 1 bsl 70]].

%% Helpers

parse(Bin) ->
    gwport_frame:parse(Bin, gwport_frame:new(1048576)).

feed(Pieces) ->
    feed(Pieces, [], gwport_frame:new(?MAX)).

feed([], Frames, Buffer) ->
    {ok, Frames, Buffer};
feed([Piece | Rest], Before, Buffer0) ->
    case gwport_frame:parse(Piece, Buffer0) of
        {ok, Frames, Buffer} -> feed(Rest, Before ++ Frames, Buffer);
        {error, Error, Frames} -> {error, Error, Before ++ Frames}
    end.

outcome({ok, Frames, Buffer}) -> {ok, [whole(Frame) || Frame <- Frames], gwport_frame:is_empty(Buffer)};
outcome({error, {bad_frame, _}, Frames}) -> {error, [whole(Frame) || Frame <- Frames]}.

%% Envelopes of any kind and number, right or wrong.
enveloped(Kind, Payload) ->
    <<(byte_size(Payload) + 10):32, 131, 104, 2, 97, Kind, 109, (byte_size(Payload)):32, Payload/binary>>.

enveloped(Kind, N, Payload) ->
    <<(byte_size(Payload) + 15):32, 131, 104, 3, 97, Kind, 98, N:32, 109, (byte_size(Payload)):32,
        Payload/binary>>.

%% Behind the first frame it may be a body that is no frame.
what_was_printed_is_shown_before_the_first_frame_alone_test() ->
    Frame = iolist_to_binary(gwport_frame:encode(pong, 1)),
    Asks = <<"a frame of 1214606444 bytes, expected 10 to 1000, which is a text: "
        "has the program printed to its stdout?">>,
    {error, {bad_frame, Shown}, []} = gwport_frame:parse(<<"Hello, secret">>, gwport_frame:new(1000)),
    ?assertNotEqual(nomatch, string:find(Shown, "Hello, secret")),
    {error, {bad_frame, Hidden}, [_]} = gwport_frame:parse(<<Frame/binary, "Hello, secret">>, gwport_frame:new(1000)),
    ?assertEqual(Asks, Hidden),
    {ok, [_], Buffer} = gwport_frame:parse(Frame, gwport_frame:new(1000)),
    {error, {bad_frame, Later}, []} = gwport_frame:parse(<<"Hello, secret">>, Buffer),
    ?assertEqual(Asks, Later).
