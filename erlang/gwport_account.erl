%% What is told of one request: events for telemetry, where the node has it, and a line of the
%% access log, where its mount wants one. Most requests have no account: then nobody listens, and
%% nothing is kept.
%%
%% It begins when a request has come, and ends once, whatever becomes of it; but nothing is told of
%% the end of a process that is killed.
%% @hidden
-module(gwport_account).

-export([is_wanted/2, open/3, told/2, over/2]).

-export_type([account/0]).

-define(SWITCHING_PROTOCOLS, 101).

-record(account, {
    about :: map(),
    method :: binary(),
    began :: integer(),
    %% Who is told.
    is_told :: boolean(),
    log :: gwport_access:log() | none,
    %% Of the response, as far as it has gone to the client.
    status = none :: none | 100..999,
    bytes = 0 :: non_neg_integer()
}).
-opaque account() :: #account{}.
-type command() :: gwport_stream:client_command().

%% Whether requests of the mount have an account. Count: of its pool.
-spec is_wanted(gwport_mount_options:mount(), gwport_count:count()) -> boolean().
is_wanted(#{access_log := none}, Count) -> gwport_count:is_told(Count);
is_wanted(_, _) -> true.

%% Called when it is wanted and the request has come, before a port is chosen.
-spec open(gwport_environ:request(), gwport_mount_options:mount(), gwport_count:count()) ->
    account().
open(Request = #{<<"method">> := Method, <<"headers">> := Fields}, Mount, Count) ->
    Account = #account{about = About, began = Began} = #account{about = about(Request, Mount),
        method = Method, began = erlang:monotonic_time(), is_told = gwport_count:is_told(Count),
        log = log(Mount, Fields)},
    event(start, #{system_time => erlang:system_time(), monotonic_time => Began}, About, Account),
    Account.

log(#{access_log := none}, _) -> none;
log(#{access_log := Format}, Fields) -> gwport_access:new(Format, Fields).

%% Without the query and the fields, which may be secret, but for one that is not.
about(Request, #{pool := Pool, app := App}) ->
    #{<<"method">> := Method, <<"path">> := Path, <<"host">> := Host, <<"version">> := Version,
        <<"peer">> := {Peer, _}, <<"headers">> := Headers} = Request,
    trace(lists:keyfind(<<"traceparent">>, 1, Headers),
        #{pool => Pool, app => App, method => Method, path => Path, host => Host, peer => Peer,
            version => Version, telemetry_span_context => make_ref()}).

%% As W3C's Trace Context has it; one of another form is to be taken for none.
trace({_, Parent = <<Version:2/binary, "-", Trace:32/binary, "-", Span:16/binary, "-", _:2/binary,
        Rest/binary>>}, About) ->
    IsOne = lists:all(fun is_hex/1, [Version, Trace, Span, binary:part(Parent, 53, 2)])
        andalso Trace =/= binary:copy(<<"0">>, 32) andalso Span =/= binary:copy(<<"0">>, 16)
        andalso is_rest(Version, Rest),
    case IsOne of
        true -> About#{traceparent => Parent};
        false -> About
    end;
trace(_, About) ->
    About.

is_hex(Bytes) ->
    <<>> =:= << <<C>> || <<C>> <= Bytes, not (C >= $0 andalso C =< $9
        orelse C >= $a andalso C =< $f) >>.

%% Only a later version has more behind it.
is_rest(<<"ff">>, _) -> false;
is_rest(<<"00">>, Rest) -> Rest =:= <<>>;
is_rest(_, <<>>) -> true;
is_rest(_, <<"-", _/binary>>) -> true;
is_rest(_, _) -> false.

%% What the client is told.
-spec told(command(), account()) -> account().
told({reply, #{code := Status}, Body}, Account) ->
    Account#account{status = Status, bytes = iolist_size(Body)};
told({head, #{code := Status}}, Account) ->
    Account#account{status = Status};
%% The head is the app's own.
told(takeover, Account) ->
    Account#account{status = ?SWITCHING_PROTOCOLS};
told({data, _, {file, _, _, Bytes}}, Account = #account{bytes = Sent}) ->
    Account#account{bytes = Sent + Bytes};
told({data, _, Data}, Account = #account{bytes = Sent}) ->
    Account#account{bytes = Sent + iolist_size(Data)};
told(_, Account) ->
    Account.

%% The last command, with which it ends.
-spec over(command(), account()) -> ok.
over(done, Account = #account{about = About, status = Status}) ->
    end_event(stop, About#{status => Status}, Account);
over({break, Reason}, Account) ->
    failed(Reason, Account);
over({_, Reason}, Account = #account{method = Method}) ->
    Body = case Method of <<"HEAD">> -> <<>>; _ -> gwport_status:text(Reason) end,
    failed(Reason, Account#account{status = gwport_status:status(Reason),
        bytes = byte_size(Body)}).

failed(Reason, Account = #account{about = About, status = Status}) ->
    end_event(exception, About#{status => Status, kind => error, reason => Reason,
        stacktrace => []}, Account).

end_event(Name, About, Account = #account{began = Began, bytes = Bytes}) ->
    Now = erlang:monotonic_time(),
    event(Name, #{duration => Now - Began, monotonic_time => Now, response_bytes => Bytes}, About,
        Account),
    write(Now - Began, About, Account).

event(_, _, _, #account{is_told = false}) ->
    ok;
event(Name, Measurements, About, #account{is_told = true}) ->
    gwport_telemetry:event([request, Name], Measurements, About).

write(_, _, #account{log = none}) ->
    ok;
write(Native, About, #account{log = Log, bytes = Bytes}) ->
    Duration = erlang:convert_time_unit(Native, native, microsecond),
    gwport_access:write(Log, About#{bytes => Bytes, duration => Duration,
        time => erlang:system_time(microsecond) - Duration}).
