%% The body of a request as gwport_plug reads it, a piece at a time, as no more than Plug.Conn's
%% read_body/2 allows: while that waits, its process hears nothing else. So it is called for a piece
%% that the app has asked for, and how much it is asked for depends on the server behind it.
%%
%% Where a server waits for exactly as many bytes as it was asked for, small pieces come in time and
%% large ones at little cost. Pieces begin with a size that is neither, and grow while they come
%% quickly. A body of unknown length may be a conversation: what comes after a pause is read byte by
%% byte, up to a bound, before pieces grow again.
%%
%% In front of a read that may have to wait for its client the app has a moment to answer (grace/1):
%% a client that waits for an answer before it goes on would wait for ever. The moment gets shorter
%% with each read that finds something there, and longer where the client is what is waited for.
%% @hidden
-module(gwport_plug_input).

-export([new/2, look/1, unread/1, grace/1, heard/1, read/3]).

-export_type([input/0]).

%% Bytes of a piece. A body of known length comes in one up to the first, and begins with the second
%% where it is longer.
-define(WHOLE, 16384).
-define(FIRST, 1024).
-define(LAST, 65536).
%% How often one byte is read after a pause.
-define(SINGLES, 32).
%% A piece that took no longer than the first was there; one that took longer than the second was
%% waited for. In milliseconds, as what follows.
-define(QUICK, 10).
-define(SLOW, 200).
-define(FIRST_POLL, 5).
-define(LAST_POLL, 50).
-define(FIRST_GRACE, 5).
-define(GRACE, 20).
-define(LONG_GRACE, 100).
-define(LAST_GRACE, 1000).
%% What is left of it for a body that may be a conversation.
-define(LEAST_GRACE, 5).
%% Added to the time that a read may take: gwport_exchange, to which that time belongs, is to hear
%% of its end before a server does that makes an error of it.
-define(LATER, 1000).
-define(LONGEST, 86400000).

-type length_of() :: non_neg_integer() | unknown.

-record(input, {
    reads :: ready | poll | exact,
    length :: length_of(),
    received = 0 :: non_neg_integer(),
    %% What a plug in front has read and kept, and whether one has made something of it.
    kept :: none | {ok | more, binary()},
    is_parsed :: boolean(),
    is_begun = false :: boolean(),
    %% How much is asked for next; and how often it is to be a byte before it may be more.
    size :: pos_integer(),
    singles = 0 :: non_neg_integer(),
    %% How long a read without an answer is to last, and what the app has before the next one. In
    %% milliseconds.
    poll = ?FIRST_POLL :: pos_integer(),
    grace :: non_neg_integer()
}).
-opaque input() :: #input{}.

-spec new(length_of(), gwport_plug_conn:conn()) -> input().
new(Length, Conn) ->
    #input{reads = gwport_plug_conn:reads(Conn), length = Length,
        kept = gwport_plug_conn:kept_body(Conn), is_parsed = is_parsed(Conn),
        size = first(Length), grace = first_grace(Length)}.

first(Length) when Length =< ?WHOLE -> ?WHOLE;
first(_) -> ?FIRST.

%% Most bodies of unknown length are short.
first_grace(Length) when is_integer(Length), Length > ?WHOLE -> ?FIRST_GRACE;
first_grace(_) -> 0.

%% Of a request of HTTP/2, say, that does not tell its length, only a read shows whether there is
%% anything. What comes of it is kept.
-spec look(gwport_plug_conn:conn()) -> {length_of(), input(), gwport_plug_conn:conn()}.
look(Conn0) ->
    case new(unknown, Conn0) of
        Input = #input{kept = none} -> looked(at_once(Conn0), Input);
        Input -> {unknown, Input, Conn0}
    end.

at_once(Conn) ->
    gwport_plug_conn:read_body([{length, 0}, {read_length, ?LAST}, {read_timeout, 0}], Conn).

looked({ok, <<>>, Conn}, #input{is_parsed = false}) -> {0, new(0, Conn), Conn};
looked({more, <<>>, Conn}, Input) -> {unknown, Input#input{is_begun = true}, Conn};
looked({More, Data, Conn}, Input) -> {unknown, Input#input{kept = {More, Data}}, Conn}.

%% Plug.Parsers leaves a map of what it has found.
is_parsed(#{body_params := Params}) ->
    not is_map_key('__struct__', Params) andalso map_size(Params) > 0;
is_parsed(_) ->
    false.

%% Whether nobody has asked the server for any of it.
-spec unread(input()) -> boolean().
unread(#input{is_begun = IsBegun, kept = Kept}) ->
    not IsBegun andalso Kept =:= none.

%% Milliseconds that the app has before a piece that it wants is read.
-spec grace(input()) -> non_neg_integer().
grace(#input{grace = Grace}) ->
    Grace.

%% The app has said something, and may be about to say more.
-spec heard(input()) -> input().
heard(Input = #input{grace = Grace}) ->
    Input#input{poll = ?FIRST_POLL, grace = min(Grace, ?FIRST_GRACE)}.

%% One piece; `none' if there is none yet. `lost': somebody else has read it.
-spec read(timeout(), input(), gwport_plug_conn:conn()) ->
    {nofin | fin, binary(), input(), gwport_plug_conn:conn()}
    | {none, input(), gwport_plug_conn:conn()}
    | lost.
read(_, Input = #input{kept = {More, Data}}, Conn) ->
    came(More, Data, Input#input{kept = none}, Conn);
read(Time, Input0, Conn0) ->
    Began = erlang:monotonic_time(millisecond),
    {More, Data, Conn} = gwport_plug_conn:read_body(options(Time, Input0), Conn0),
    Took = erlang:monotonic_time(millisecond) - Began,
    came(More, Data, next(Took, byte_size(Data), Input0), Conn).

options(Time, #input{reads = ready}) ->
    [{length, 0}, {read_length, 1}, {read_timeout, longest(Time)}];
options(Time, #input{reads = poll, poll = Poll}) ->
    [{length, 0}, {read_length, ?LAST}, {read_timeout, min(Poll, Time)}];
options(Time, #input{reads = exact, size = Size}) ->
    [{length, Size}, {read_length, Size}, {read_timeout, longest(Time)}].

longest(Time) -> min(Time, ?LONGEST) + ?LATER.

came(more, <<>>, Input, Conn) ->
    {none, Input, Conn};
came(More, Data, Input0 = #input{received = Received}, Conn) ->
    Input = Input0#input{received = Received + byte_size(Data)},
    case {More, is_lost(Input)} of
        {ok, true} -> lost;
        {ok, false} -> {fin, Data, Input, Conn};
        {more, _} -> {nofin, Data, Input, Conn}
    end.

is_lost(#input{length = unknown, received = Received, is_parsed = IsParsed}) ->
    Received =:= 0 andalso IsParsed;
is_lost(#input{length = Length, received = Received}) ->
    Received < Length.

%% What the next read asks for, and when.
next(_, 0, Input = #input{reads = poll, poll = Poll}) ->
    Input#input{is_begun = true, poll = min(2 * Poll, ?LAST_POLL), grace = ?FIRST_GRACE};
next(Took, _, Input) ->
    sized(Took, (graced(Took, Input))#input{is_begun = true}).

graced(Took, Input) when Took > ?QUICK ->
    Input#input{grace = max(?GRACE, min(Took, last_grace(Input)))};
graced(_, Input = #input{is_begun = false, length = unknown, reads = ready}) ->
    Input#input{grace = ?LONG_GRACE};
graced(_, Input = #input{is_begun = false, length = unknown, reads = exact}) ->
    Input#input{grace = ?GRACE};
graced(_, Input = #input{grace = Grace}) ->
    Input#input{grace = max(least_grace(Input), Grace div 2)}.

%% Byte by byte it is for each of them.
last_grace(#input{reads = exact, length = unknown}) -> ?GRACE;
last_grace(_) -> ?LAST_GRACE.

least_grace(#input{reads = poll}) -> 0;
least_grace(#input{length = unknown}) -> ?LEAST_GRACE;
least_grace(_) -> 0.

sized(Took, Input = #input{length = unknown}) when Took > ?SLOW ->
    Input#input{size = 1, singles = ?SINGLES};
sized(_, Input = #input{singles = Singles}) when Singles > 0 ->
    Input#input{singles = Singles - 1};
sized(Took, Input = #input{size = Size}) when Took =< ?QUICK ->
    Input#input{size = min(2 * Size, ?LAST)};
sized(Took, Input = #input{size = Size}) when Took > ?SLOW ->
    Input#input{size = max(1, Size div 4)};
sized(_, Input) ->
    Input.
