%% The access log: a line for a request, in Apache's combined format or as JSON. Its events have the
%% domain [gwport, access], which OTP's default handler leaves to others.
%%
%% Lines are anybody's to read: they have no query, neither the request's nor that of the page that
%% it came from, and of the request's fields only referer, user-agent and traceparent. What a client
%% may have written into them is quoted, so that a line is one line, with the fields that it should
%% have.
%% @hidden
-module(gwport_access).

-export([new/2, write/2, line/2]).

-export_type([log/0, entry/0]).

-include_lib("kernel/include/logger.hrl").

-type format() :: combined | json.
%% With what the format wants of the request's fields.
-opaque log() :: {format(), Referer :: binary(), Agent :: binary()}.
%% Time is when the request came, in Unix microseconds, duration in microseconds.
-type entry() :: #{
    pool := atom(), app := binary(), method := binary(), path := binary(), host := binary(),
    peer := binary(), version := {0..9, 0..9}, time := integer(), duration := non_neg_integer(),
    status := none | 100..999, bytes := non_neg_integer(),
    traceparent => binary(), reason => atom(), _ => _
}.

-define(DOMAIN, [gwport, access]).

-spec new(format(), [{binary(), binary()}]) -> log().
new(Format, Fields) ->
    {Format, without_query(field(<<"referer">>, Fields)), field(<<"user-agent">>, Fields)}.

field(Name, Fields) ->
    case lists:keyfind(Name, 1, Fields) of
        {_, Value} -> Value;
        false -> <<>>
    end.

without_query(Referer) ->
    hd(binary:split(Referer, [<<"?">>, <<"#">>])).

-spec write(log(), entry()) -> ok.
write(Log, Entry = #{pool := Pool}) ->
    ?LOG_NOTICE("~ts", [line(Log, Entry)], #{domain => ?DOMAIN, gwport => access, pool => Pool}).

%% Without the line's end.
-spec line(log(), entry()) -> binary().
line({combined, Referer, Agent}, Entry) ->
    #{method := Method, path := Path, peer := Peer, version := Version, time := Time,
        status := Status, bytes := Bytes} = Entry,
    Request = [Method, " ", cut(Path), " ", version(Version)],
    iolist_to_binary([or_dash(Peer), " - - [", combined_time(Time), "] ",
        gwport_line:quote(iolist_to_binary(Request)), " ", status(Status), " ",
        integer_to_binary(Bytes), " ", gwport_line:quote(or_dash(cut(Referer))), " ",
        gwport_line:quote(or_dash(cut(Agent)))]);
line({json, Referer, Agent}, Entry) ->
    iolist_to_binary(gwport_json:encode({[{Key, limited(Value)}
        || {Key, Value} <- pairs(Referer, Agent, Entry), Value =/= <<>>]})).

%% What is empty is left out.
pairs(Referer, Agent, Entry) ->
    #{pool := Pool, app := App, method := Method, path := Path, host := Host, peer := Peer,
        version := Version, time := Time, duration := Duration, status := Status,
        bytes := Bytes} = Entry,
    [{time, json_time(Time)}, {pool, pool(Pool)}, {app, App}, {peer, Peer},
        {method, Method}, {path, Path}, {version, version(Version)}, {host, Host},
        {status, Status}, {bytes, Bytes}, {duration_us, Duration},
        {reason, name(maps:get(reason, Entry, <<>>))}, {referer, Referer},
        {user_agent, Agent}, {traceparent, maps:get(traceparent, Entry, <<>>)}].

%% An app in Erlang is of none.
pool(undefined) -> <<>>;
pool(Pool) -> atom_to_binary(Pool).

name(Reason) when is_atom(Reason) -> atom_to_binary(Reason);
name(None) -> None.

limited(none) -> null;
limited(Number) when is_integer(Number) -> Number;
limited(Text) -> cut(Text).

cut(Text) ->
    hd(gwport_line:pieces(Text)).

or_dash(<<>>) -> <<"-">>;
or_dash(Text) -> Text.

status(none) -> "-";
status(Status) -> integer_to_binary(Status).

version({Major, Minor}) ->
    <<"HTTP/", (integer_to_binary(Major))/binary, ".", (integer_to_binary(Minor))/binary>>.

%% Both are UTC.
json_time(Time) ->
    list_to_binary(calendar:system_time_to_rfc3339(Time, [{unit, microsecond}, {offset, "Z"}])).

combined_time(Time) ->
    {{Year, Month, Day}, {Hour, Minute, Second}} =
        calendar:system_time_to_universal_time(Time, microsecond),
    io_lib:format("~2..0b/~s/~4..0b:~2..0b:~2..0b:~2..0b +0000",
        [Day, month(Month), Year, Hour, Minute, Second]).

month(Month) ->
    lists:nth(Month, ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
        "Dec"]).
