%% @doc A page that shows how a node's pools are, live, and may have them reloaded, resized and
%% drained.
%%
%% ```
%% {"/gwport/[...]", gwport_status_page, #{auth => {basic, "ops", Password}}}
%% '''
%%
%% It is an app in Erlang ({@link gwport_gateway}), for either mount:
%%
%% ```
%% #{run => gwport_status_page:app(#{auth => {basic, "ops", Password}}), access_log => json}
%% '''
%%
%% Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`auth': who may see it; there is no default. `{basic, User, Password}', a fun of the
%%     request's environ that returns `true' for who may, or `none': everybody who reaches the
%%     listener</li>
%% <li>`control' (false): whether the page has buttons that change what runs</li>
%% </ul>
%%
%% A POST has a token, which the page has, and comes from the page's own origin, if it says where it
%% comes from: another site's page that is open in the same browser can have nothing done.
%% @end
%%
%% The page is gwport_status_page.hrl; what it shows comes from gwport_status_feed.
-module(gwport_status_page).
-behaviour(cowboy_handler).

-export([app/1, style/0]).
%% cowboy_handler.
-export([init/2]).

-export_type([options/0]).

-include_lib("kernel/include/logger.hrl").
-include("gwport_status_page.hrl").

-type options() :: #{auth := auth(), control => boolean()}
  | [{auth, auth()} | {control, boolean()}].
-type auth() :: none | {basic, User :: text(), Password :: text()}
  | fun((gwport_gateway:environ()) -> boolean()).
-type text() :: binary() | string().

-record(page, {
    %% Of basic authentication no more is kept than is to be compared with.
    auth :: none | {basic, Digest :: binary()} | fun((gwport_gateway:environ()) -> boolean()),
    control = false :: boolean()
}).

%% Of a form.
-define(MAX_BODY, 4096).
-define(TOKEN_BYTES, 32).

%% @doc The page as an app. A wrong option is an error `gwport_options:error()'.
-spec app(options()) -> gwport_gateway:app().
app(Given) ->
    case options(Given) of
        {ok, Page} -> fun(Environ) -> app(Page, Environ) end;
        {error, Error} -> error(Error)
    end.

%% @doc The page's style, for other pages that are to look like it.
-spec style() -> binary().
style() ->
    ?STYLE.

%% @private
-spec init(cowboy_req:req(), options()) -> {ok, cowboy_req:req(), options()}.
init(Req, Given) ->
    {ok, Req1, _} = gwport_handler:init(Req, #{run => checked(options(Given))}),
    {ok, Req1, Given}.

%% Nobody has looked at the options of a route before its first request.
checked({ok, Page}) ->
    fun(Environ) -> app(Page, Environ) end;
checked({error, Error}) ->
    ?LOG_ERROR("gwport: the options of the status page are wrong: ~0p", [Error]),
    fun(_) -> said(500, <<"The options of this page are wrong; the log says how.\n">>) end.

%% Options

options(Given) ->
    case gwport_options:map(Given) of
        {ok, Options} -> pairs(maps:to_list(Options), #page{auth = none}, Options);
        error -> {error, {bad_option, {options, hidden,
            "expected a map, a keyword list or a property list"}}}
    end.

pairs([{auth, Auth} | Rest], Page, Options) ->
    case auth(Auth) of
        {ok, Checked} -> pairs(Rest, Page#page{auth = Checked}, Options);
        error -> {error, {bad_option, {auth, hidden, "expected none, {basic, User, Password} with "
            "a user without a colon and a password, or a fun of one argument"}}}
    end;
pairs([{control, Control} | Rest], Page, Options) when is_boolean(Control) ->
    pairs(Rest, Page#page{control = Control}, Options);
pairs([{control, Control} | _], _, _) ->
    {error, {bad_option, {control, Control, "expected true or false"}}};
pairs([{Key, _} | _], _, _) ->
    {error, {bad_option, {Key, hidden, "no such option"}}};
pairs([], Page, #{auth := _}) ->
    {ok, Page};
pairs([], _, _) ->
    {error, {missing_option, auth}}.

auth(none) -> {ok, none};
auth(Fun) when is_function(Fun, 1) -> {ok, Fun};
auth({basic, User, Password}) -> basic(text(User), text(Password));
auth(_) -> error.

basic(User, Password) when is_binary(User), is_binary(Password), Password =/= <<>> ->
    case binary:match(User, <<":">>) of
        nomatch -> {ok, {basic, digest(<<User/binary, ":", Password/binary>>)}};
        _ -> error
    end;
basic(_, _) ->
    error.

text(Text) when is_binary(Text); is_list(Text) ->
    try unicode:characters_to_binary(Text)
    catch error:badarg -> error
    end;
text(_) ->
    error.

digest(Bytes) ->
    crypto:hash(sha256, Bytes).

%% Who may see it

app(Page = #page{auth = Auth}, Environ) ->
    case admits(Auth, Environ) of
        true -> answer(Page, Environ);
        false -> refusal(Auth)
    end.

admits(none, _) ->
    _ = [?LOG_WARNING("gwport: the status page is open to everybody who reaches its listener "
        "(auth => none)") || gwport_seen:is_first({?MODULE, open})],
    true;
%% Digests have one length, and are compared in one time.
admits({basic, Digest}, Environ) ->
    crypto:hash_equals(digest(credentials(Environ)), Digest);
admits(Fun, Environ) ->
    Fun(Environ) =:= true.

credentials(#{<<"HTTP_AUTHORIZATION">> := <<Scheme:5/binary, " ", Encoded/binary>>}) ->
    case string:lowercase(Scheme) of
        <<"basic">> ->
            try base64:decode(Encoded)
            catch error:_ -> <<>>
            end;
        _ ->
            <<>>
    end;
credentials(_) ->
    <<>>.

refusal({basic, _}) ->
    said(401, [{<<"www-authenticate">>, <<"Basic realm=\"gwport\", charset=\"UTF-8\"">>}],
        <<"This page wants a user and a password.\n">>);
refusal(_) ->
    said(403, <<"This page is not for you.\n">>).

%% What there is

answer(Page, Environ = #{<<"REQUEST_METHOD">> := Method, <<"PATH_INFO">> := Path}) ->
    case {what(Path), Method} of
        {none, _} -> said(404, <<"There is no such page.\n">>);
        {{get, What}, Get} when Get =:= <<"GET">>; Get =:= <<"HEAD">> -> get(What, Page, Environ);
        {{get, _}, _} -> not_allowed(<<"GET, HEAD">>);
        {{post, Act}, <<"POST">>} -> post(may(Act, Page), Act, Environ);
        {{post, _}, _} -> not_allowed(<<"POST">>)
    end.

what(<<>>) -> {get, slash};
what(<<"/">>) -> {get, page};
what(<<"/events">>) -> {get, events};
what(<<"/stacks">>) -> {post, stacks};
what(<<"/reload">>) -> {post, reload};
what(<<"/resize">>) -> {post, resize};
what(<<"/drain">>) -> {post, drain};
what(_) -> none.

not_allowed(Methods) ->
    said(405, [{<<"allow">>, Methods}], <<"This method is not for this page.\n">>).

%% All that the page asks for is relative to its folder, be there proxies before it or not.
get(slash, _, #{<<"SCRIPT_NAME">> := Script}) ->
    Name = lists:last(binary:split(Script, <<"/">>, [global])),
    said(308, [{<<"location">>, <<(uri_string:quote(Name))/binary, "/">>}], <<>>);
get(page, Page, _) ->
    {200, [{<<"content-type">>, <<"text/html; charset=utf-8">>},
        {<<"content-security-policy">>, policy()} | headers()], html(Page)};
get(events, _, _) ->
    {200, [{<<"content-type">>, <<"text/event-stream">>}, {<<"x-accel-buffering">>, <<"no">>}
        | headers()],
        gwport_gateway:frame_body(<<"retry: 1000\n\n">>,
            {fun gwport_status_feed:next/1, gwport_status_feed:new()}, <<>>)}.

%% Nothing from outside, and of what is inside only the page's own script and style.
policy() ->
    iolist_to_binary(["default-src 'none'; script-src 'sha256-", base64:encode(digest(?SCRIPT)),
        "'; style-src 'sha256-", base64:encode(digest(?STYLE)), "'; connect-src 'self'; img-src "
        "data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"]).

html(#page{control = Control}) ->
    [?HEAD, "<meta name='gwport-token' content='", token(), "'>\n<style>", ?STYLE,
        "</style>\n</head>\n", ?BODY, [?CONTROLS || Control], "<script>", ?SCRIPT,
        "</script>\n</body>\n</html>\n"].

headers() ->
    [{<<"cache-control">>, <<"no-store">>}, {<<"x-content-type-options">>, <<"nosniff">>},
        {<<"referrer-policy">>, <<"no-referrer">>},
        {<<"cross-origin-resource-policy">>, <<"same-origin">>}].

said(Status, Text) ->
    said(Status, [], Text).

said(Status, Headers, Text) ->
    {Status, Headers ++ [{<<"content-type">>, <<"text/plain; charset=utf-8">>} | headers()], Text}.

%% The node's, while the application runs.
token() ->
    _ = gwport_seen:is_first({?MODULE, token}, new_token()),
    case gwport_seen:find({?MODULE, token}) of
        {ok, Token} -> Token;
        none -> <<>>
    end.

new_token() ->
    << <<(integer_to_binary(Digit, 16))/binary>>
        || <<Digit:4>> <= crypto:strong_rand_bytes(?TOKEN_BYTES) >>.

%% What can be done

may(stacks, _) -> true;
may(_, #page{control = Control}) -> Control.

post(false, _, _) ->
    said(403, <<"This page may only look: its option control is not set.\n">>);
post(true, Act, Environ) ->
    case is_own(Environ) andalso has_token(Environ) of
        true -> form(gwport_gateway:read_body(Environ, ?MAX_BODY), Act, Environ);
        false -> said(403, <<"This request is not from the page: load it again.\n">>)
    end.

%% A browser says where a POST comes from.
is_own(#{<<"HTTP_SEC_FETCH_SITE">> := Site}) ->
    Site =:= <<"same-origin">>;
is_own(Environ = #{<<"HTTP_ORIGIN">> := Origin}) ->
    case binary:split(Origin, <<"://">>) of
        [_, Host] -> Host =:= maps:get(<<"HTTP_HOST">>, Environ, <<>>);
        _ -> false
    end;
is_own(_) ->
    true.

has_token(#{<<"HTTP_X_GWPORT_TOKEN">> := Given}) ->
    Token = token(),
    Token =/= <<>> andalso crypto:hash_equals(digest(Given), digest(Token));
has_token(_) ->
    false.

form({error, too_large}, _, _) ->
    said(413, <<"The form is too large.\n">>);
form({ok, Body}, Act, Environ) ->
    case uri_string:dissect_query(Body) of
        Fields when is_list(Fields) -> do(pool(Fields), Act, Fields, Environ);
        {error, _, _} -> wrong("the form cannot be read")
    end.

%% No atom is made of what somebody sends.
pool(Fields) ->
    case [Name || {<<"pool">>, Text} <- Fields, Name <- gwport:pools(),
            atom_to_binary(Name) =:= Text] of
        [Name | _] -> {ok, Name};
        [] -> none
    end.

do(none, _, _, _) ->
    said(404, <<"There is no such pool on this node.\n">>);
do({ok, Pool}, stacks, Fields, _) ->
    case number(<<"os_pid">>, Fields) of
        none -> wrong("os_pid is no number");
        OsPid -> stacks(gwport:stacks(Pool, #{os_pid => OsPid}))
    end;
do({ok, Pool}, reload, _, Environ) ->
    asked("reloaded", Pool, Environ),
    reloaded(gwport:reload(Pool), Pool);
do({ok, Pool}, resize, Fields, Environ) ->
    case number(<<"ports">>, Fields) of
        none ->
            wrong("ports is no number");
        Ports ->
            asked(["resized to ", integer_to_list(Ports)], Pool, Environ),
            resized(gwport:resize(Pool, Ports), Ports, Pool)
    end;
%% It takes as long as the requests under way do, which is seen.
do({ok, Pool}, drain, _, Environ) ->
    asked("drained", Pool, Environ),
    _ = spawn(fun() -> gwport:drain(Pool) end),
    done("pool ~ts drains: its requests are finished, and new ones get 503 until it is resized or "
        "reloaded", [Pool]).

number(Key, Fields) ->
    case [string:to_integer(Text) || {Name, Text} <- Fields, Name =:= Key, is_binary(Text)] of
        [{Number, <<>>} | _] when is_integer(Number) -> Number;
        _ -> none
    end.

asked(What, Pool, Environ) ->
    ?LOG_NOTICE("gwport: pool ~ts is to be ~s: ~ts has asked for it at the status page",
        [Pool, What, maps:get(<<"REMOTE_ADDR">>, Environ, <<>>)]).

stacks({ok, [{_, Stacks} | _]}) when is_binary(Stacks) -> said(200, Stacks);
stacks({ok, [{_, Error} | _]}) -> failed(Error);
stacks(Error) -> failed(Error).

reloaded({ok, #{started := Started, replaced := Replaced}}, Pool) ->
    done("pool ~ts is reloaded: ~b started, ~b replaced",
        [Pool, length(Started), length(Replaced)]);
reloaded(Error, _) ->
    failed(Error).

resized(ok, Ports, Pool) -> done("pool ~ts is to have ~b ports", [Pool, Ports]);
resized(Error, _, _) -> failed(Error).

done(Format, Args) ->
    said(200, sentence(Format, Args)).

wrong(Why) ->
    said(400, sentence("~ts", [Why])).

%% Nothing has changed.
failed({error, {not_ready, Why}}) -> failed("a new program did not come up: ~ts", [Why]);
failed({error, {bad_option, {Key, _, Why}}}) -> failed("~0tp: ~ts", [Key, Why]);
failed({error, {missing_option, Key}}) -> failed("~0tp is missing", [Key]);
failed({error, {_, Why}}) when is_binary(Why) -> failed("~ts", [Why]);
failed({error, no_pool}) -> failed("the pool has stopped", []);
failed({error, reloading}) -> failed("the pool is being reloaded", []);
failed({error, draining}) -> failed("the pool drains", []).

failed(Format, Args) ->
    said(409, sentence(Format, Args)).

sentence(Format, Args) ->
    unicode:characters_to_binary(io_lib:format(Format ++ "\n", Args)).
