%% Frames of the wire: bytes to frames and back, without a process or a clock (SPEC.md, sections 3
%% and 4).
%%
%% A frame's head has one layout, so frames are told apart by a binary match; payloads are neither
%% decoded nor copied here.
%% @hidden
-module(gwport_frame).

-export([new/1, parse/2, is_empty/1]).
-export([encode/2, encode/3, encode_open/3]).
-export([decode_payload/1, max_chunk/0, min_max_frame/0]).
-export([capability/1, capabilities/0, kind/1]).
-export([abort_code/1, abort_name/1, fault_code/1, fault_name/1]).

-export_type([frame/0, buffer/0, capability/0, kind/0, stream/0, wire_fault/0, code/0, fault/0]).

-type kind() :: hello | ready | fault | ping | pong | drain | log | ask | part | answered
              | open | entered | chunk | fin | trailers | credit | abort | inform | head | reply
              | takeover | file | taken.
-type capability() :: file | hijack | evidence.
-type stream() :: 256..2147483647.
%% A chunk's payload is in two parts, where it has come in two reads.
-type frame() :: {kind(), binary()} | {kind(), stream(), binary()} | {chunk, stream(), [binary()]}.
-type wire_fault() :: {bad_frame, Sentence :: binary()}.
-type code() :: no_error | internal_error | cancelled | deadline | head_timeout | idle_timeout
              | refused | no_app | bad_payload | bad_order | bad_credit | flow_exceeded
              | too_large | bad_length | bad_response | port_closed.
-type fault() :: no_common_version | bad_frame | bad_stream | bad_greeting | failed.

%% What has arrived of a frame that is not whole. `missing` bytes have to come before another look
%% is worth its while; `parts` are kept in reverse. They are joined once, so that a large frame that
%% arrives in many reads is not copied for each of them, and two of a chunk not at all: nearly each
%% of a large body's is in two reads, because a port reads as many bytes as a chunk has without its head.
-record(buffer, {
    max :: pos_integer(),
    missing = 4 :: pos_integer(),
    parts = [] :: [binary()],
    %% Whether a frame has come: what follows it may be anybody's.
    begun = false :: boolean()
}).
-opaque buffer() :: #buffer{}.

-define(MIN_FRAME, 10).
-define(HEAD, 10).
-define(STREAM_HEAD, 15).
-define(MAX_CHUNK, 65536).
-define(CHUNK, 18).
%% How much of what a program has printed is shown.
-define(PRINTED, 40).

%% The bytes of a chunk, at most, on either side.
-spec max_chunk() -> pos_integer().
max_chunk() ->
    ?MAX_CHUNK.

%% What a side's `max_frame` is, at least: a frame with the largest chunk has to fit.
-spec min_max_frame() -> pos_integer().
min_max_frame() ->
    ?MAX_CHUNK + ?STREAM_HEAD.

%% Max is the largest frame to be taken, without its 4-byte length.
-spec new(Max :: pos_integer()) -> buffer().
new(Max) ->
    #buffer{max = Max}.

%% Whether the bytes so far end where a frame ends.
-spec is_empty(buffer()) -> boolean().
is_empty(#buffer{parts = Parts}) ->
    Parts =:= [].

%% The frames that Bin completes, in order. With an error come the frames before it.
-spec parse(binary(), buffer()) -> {ok, [frame()], buffer()} | {error, wire_fault(), [frame()]}.
parse(Bin, Buffer = #buffer{missing = Missing, parts = Parts}) when byte_size(Bin) < Missing ->
    {ok, [], Buffer#buffer{missing = Missing - byte_size(Bin), parts = add(Bin, Parts)}};
parse(Bin, Buffer = #buffer{parts = []}) ->
    frames(Bin, [], Buffer);
parse(Bin, Buffer = #buffer{parts = Parts}) ->
    joined(lists:reverse(Parts), Bin, Buffer#buffer{parts = []}).

%% Where the head of a frame was in the first part, exactly the rest of it was missing.
joined([<<Size:32, 131, 104, 3, 97, ?CHUNK, 98, Stream:32, 109, Length:32, Begin/bits>>], Bin,
        Buffer = #buffer{missing = Missing})
        when Length =:= Size - ?STREAM_HEAD, Stream >= 256, Stream =< 2147483647 ->
    <<End:Missing/binary, Rest/bits>> = Bin,
    frames(Rest, [{chunk, Stream, [Begin, End]}], Buffer);
joined(Parts, Bin, Buffer) ->
    frames(iolist_to_binary(Parts ++ [Bin]), [], Buffer).

add(<<>>, Parts) -> Parts;
add(Bin, Parts) -> [Bin | Parts].

frames(Data = <<Size:32, _/bits>>, Acc, #buffer{max = Max, begun = HasBegun})
        when Size < ?MIN_FRAME; Size > Max ->
    Sentence = sentence("a frame of ~b bytes, expected ~b to ~b~s",
        [Size, ?MIN_FRAME, Max, printed(HasBegun orelse Acc =/= [], <<Size:32>>, Data)]),
    {error, {bad_frame, Sentence}, lists:reverse(Acc)};
frames(<<Size:32, 131, 104, 3, 97, Kind, 98, Stream:32, 109, Length:32, Rest0/bits>>, Acc, Buffer)
        when Length =:= Size - ?STREAM_HEAD, byte_size(Rest0) >= Length,
             Stream >= 256, Stream =< 2147483647 ->
    <<Payload:Length/binary, Rest/bits>> = Rest0,
    case stream_kind(Kind) of
        unknown -> unknown_kind(Kind, Acc);
        Name -> frames(Rest, [{Name, Stream, Payload} | Acc], Buffer)
    end;
frames(<<Size:32, 131, 104, 2, 97, Kind, 109, Length:32, Rest0/bits>>, Acc, Buffer)
        when Length =:= Size - ?HEAD, byte_size(Rest0) >= Length ->
    <<Payload:Length/binary, Rest/bits>> = Rest0,
    case port_kind(Kind) of
        unknown -> unknown_kind(Kind, Acc);
        Name -> frames(Rest, [{Name, Payload} | Acc], Buffer)
    end;
frames(<<Size:32, Term:Size/binary, _/bits>>, Acc, _Buffer) ->
    {error, {bad_frame, sentence("not an envelope: ~w", [head(Term)])}, lists:reverse(Acc)};
frames(Rest, Acc, Buffer) ->
    {ok, lists:reverse(Acc), Buffer#buffer{missing = missing(Rest), parts = add(Rest, []),
        begun = Buffer#buffer.begun orelse Acc =/= []}}.

%% The commonest mistake there is looks like a length of a gigabyte. Its text is shown before the
%% first frame alone: behind it these may be bytes of a body.
printed(HasBegun, Head, Data) ->
    case {[C || <<C>> <= Head, C >= $\s, C =< $~], HasBegun} of
        {Text, _} when length(Text) < byte_size(Head) ->
            "";
        {_, false} ->
            io_lib:format(": the program printed ~ts to its stdout", [quoted(Data)]);
        {_, true} ->
            ", which is a text: has the program printed to its stdout?"
    end.

%% What stands in front of the first byte that is not for people, or as much as they want to see.
quoted(Data) ->
    Some = binary:part(Data, 0, min(?PRINTED, byte_size(Data))),
    {match, [{0, Length}]} = re:run(Some, "^[ -~]*"),
    Dots = case Length < byte_size(Data) of true -> "..."; false -> "" end,
    [$", binary:part(Some, 0, Length), Dots, $"].

missing(<<Size:32, Rest/bits>>) -> Size - byte_size(Rest);
missing(Rest) -> 4 - byte_size(Rest).

unknown_kind(Kind, Acc) ->
    {error, {bad_frame, sentence("kind ~b is unknown, or stands in the wrong envelope", [Kind])},
        lists:reverse(Acc)}.

head(Term) ->
    binary:part(Term, 0, min(16, byte_size(Term))).

sentence(Format, Args) ->
    iolist_to_binary(io_lib:format(Format, Args)).

%% A frame without a stream. The payload's term is encoded here.
-spec encode(kind(), term()) -> iodata().
encode(Kind, Term) ->
    Payload = term_to_binary(Term),
    Length = byte_size(Payload),
    [<<(Length + ?HEAD):32, 131, 104, 2, 97, (kind(Kind)), 109, Length:32>>, Payload].

%% A frame of a stream. A chunk's payload is iodata as it is, any other's is a term.
-spec encode(kind(), stream(), iodata() | term()) -> iodata().
encode(chunk, Stream, Data) ->
    stream_frame(kind(chunk), Stream, iolist_size(Data), Data);
encode(Kind, Stream, Term) ->
    Payload = term_to_binary(Term),
    stream_frame(kind(Kind), Stream, byte_size(Payload), Payload).

%% `open`: {0, Window, Request}. Request is already encoded, without its version byte: the process
%% that wants the answer encodes it, so that the owner, which all share, does not have to.
-spec encode_open(stream(), Window :: non_neg_integer(), Request :: iodata()) -> iodata().
encode_open(Stream, Window, Request) ->
    Length = iolist_size(Request) + 10,
    [stream_frame(kind(open), Stream, Length, <<131, 104, 3, 97, 0, 98, Window:32>>), Request].

stream_frame(Kind, Stream, Length, Payload) ->
    Size = Length + ?STREAM_HEAD,
    [<<Size:32, 131, 104, 3, 97, Kind, 98, Stream:32, 109, Length:32>> | Payload].

%% The term of a payload. No compressed terms (`safe` does not bound what they unpack to), no new
%% atoms, nothing behind the term.
-spec decode_payload(binary()) -> {ok, term()} | error.
decode_payload(<<131, 80, _/bits>>) ->
    error;
decode_payload(Payload) ->
    try binary_to_term(Payload, [safe, used]) of
        {Term, Used} when Used =:= byte_size(Payload) -> {ok, Term};
        _ -> error
    catch
        error:badarg -> error
    end.

%% What is in force only if both sides have named it (SPEC.md, section 12).
-spec capabilities() -> [capability()].
capabilities() ->
    [file, hijack, evidence].

-spec capability(capability()) -> binary().
capability(file) -> <<"file">>;
capability(hijack) -> <<"hijack">>;
capability(evidence) -> <<"evidence">>.

-spec kind(kind()) -> byte().
kind(hello) -> 0;
kind(ready) -> 1;
kind(fault) -> 2;
kind(ping) -> 3;
kind(pong) -> 4;
kind(drain) -> 5;
kind(log) -> 6;
kind(ask) -> 7;
kind(part) -> 8;
kind(answered) -> 9;
kind(open) -> 16;
kind(entered) -> 17;
kind(chunk) -> ?CHUNK;
kind(fin) -> 19;
kind(trailers) -> 20;
kind(credit) -> 21;
kind(abort) -> 22;
kind(inform) -> 23;
kind(head) -> 24;
kind(reply) -> 25;
kind(takeover) -> 26;
kind(file) -> 27;
kind(taken) -> 28.

port_kind(0) -> hello;
port_kind(1) -> ready;
port_kind(2) -> fault;
port_kind(3) -> ping;
port_kind(4) -> pong;
port_kind(5) -> drain;
port_kind(6) -> log;
port_kind(7) -> ask;
port_kind(8) -> part;
port_kind(9) -> answered;
port_kind(_) -> unknown.

stream_kind(16) -> open;
stream_kind(17) -> entered;
stream_kind(?CHUNK) -> chunk;
stream_kind(19) -> fin;
stream_kind(20) -> trailers;
stream_kind(21) -> credit;
stream_kind(22) -> abort;
stream_kind(23) -> inform;
stream_kind(24) -> head;
stream_kind(25) -> reply;
stream_kind(26) -> takeover;
stream_kind(27) -> file;
stream_kind(28) -> taken;
stream_kind(_) -> unknown.

%% The codes of an abort and of a fault (SPEC.md, section 8).
-spec abort_code(code()) -> non_neg_integer().
abort_code(Name) ->
    {Code, Name} = lists:keyfind(Name, 2, abort_codes()),
    Code.

-spec abort_name(integer()) -> code().
abort_name(Code) ->
    proplists:get_value(Code, abort_codes(), internal_error).

abort_codes() ->
    [{0, no_error}, {1, internal_error}, {2, cancelled}, {3, deadline}, {4, head_timeout},
     {5, idle_timeout}, {6, refused}, {7, no_app}, {8, bad_payload}, {9, bad_order},
     {10, bad_credit}, {11, flow_exceeded}, {12, too_large}, {13, bad_length},
     {14, bad_response}, {15, port_closed}].

-spec fault_code(fault()) -> pos_integer().
fault_code(Name) ->
    {Code, Name} = lists:keyfind(Name, 2, fault_codes()),
    Code.

-spec fault_name(integer()) -> fault().
fault_name(Code) ->
    proplists:get_value(Code, fault_codes(), bad_frame).

fault_codes() ->
    [{1, no_common_version}, {2, bad_frame}, {3, bad_stream}, {4, bad_greeting}, {5, failed}].
